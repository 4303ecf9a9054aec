/*
 * The lease protocol of machines/coordinator.ts, worker.ts and client.ts, with one slot a worker, for Spin. Messages
 * are delayed for as long as they like, in order for each receiver; answers of Python come by a way of their own and
 * may be older than anything. What the charts call `isHeldLease` and `isLiveLease`, the address of one life of a worker,
 * and the leases in `worker.left` are the fences: each variant below takes one of them away, and must fail.
 *
 *   UNFENCED      client and worker take any lease for the one they hold
 *   ANY_LIFE      a worker takes what was granted to its predecessor for its own
 *   NO_LAST_WORD  a worker that leaves does not say which lease it had taken
 *   FORGETFUL     whoever was granted a slot of a worker that never took the grant does not wait again
 *   HASTY         a slot is given back before Python has answered the call that nobody waits for
 *   CARELESS      a grant whose caller has left is not given back
 *   HEARTLESS     whoever was to have a lease that was lost meanwhile does not wait again
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef CALLERS
#define CALLERS 2
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
/* How often each caller asks, and how often somebody gives up. */
#ifndef CALLS
#define CALLS 1
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1
#endif
#define TICKETS (CALLERS * CALLS)

#ifdef UNFENCED
#define IS_HELD(lease, held) (held != 0)
#else
#define IS_HELD(lease, held) (held != 0 && held == lease)
#endif
#ifdef ANY_LIFE
#define IS_FOR(to, life) (true)
#else
#define IS_FOR(to, life) (to == life)
#endif

mtype = { request, cancel, joined, freed, left, granted, released, revoked, lost, offered, accepted, declined };
mtype = { fresh, waiting, running, over };

/* What is said, of which life of the worker, about which lease, for whom. */
chan toCoordinator = [10] of { mtype, byte, byte, byte, byte };
chan toWorker[WORKERS] = [6] of { mtype, byte, byte, byte };
chan toClient[WORKERS] = [6] of { mtype, byte, byte, byte };
/* Answers under way, by lease. */
chan answers[WORKERS] = [4] of { byte };
/* Who waits: the earliest ticket first, also if it comes back. */
chan queue = [TICKETS] of { byte };

/* By ticket; 0 is nobody's. */
mtype is[TICKETS + 1] = fresh;
bool wasStarted[TICKETS + 1];
byte tickets;
/* By place: which life of its worker it is, and for which lease Python owes an answer. */
byte life[WORKERS];
bool isUp[WORKERS];
byte owes[WORKERS];
byte deaths;
byte givenUp;
/* From now on nobody gives up, and nothing dies. */
bool calm;

byte served[WORKERS];
byte grantOf[WORKERS];
byte waiterOf[WORKERS];
byte nextLease = 1;

inline grant(place, ticket) {
  grantOf[place] = nextLease;
  waiterOf[place] = ticket;
  nextLease++;
  toWorker[place]!granted(served[place], grantOf[place], ticket);
}

/* A ticket gets the first free slot, or waits. */
inline place_for(ticket) {
  p = 0;
  do
  :: p < WORKERS && !(served[p] != 0 && grantOf[p] == 0) -> p++
  :: else -> break
  od;
  if
  :: p < WORKERS -> grant(p, ticket)
  :: else -> queue!!ticket
  fi;
}

/* A slot goes to the first who waits, or is free. */
inline next_for(place) {
  if
  :: nempty(queue) -> queue?t; grant(place, t)
  :: empty(queue) -> grantOf[place] = 0; waiterOf[place] = 0
  fi;
}

active proctype Coordinator() {
  byte w, l, lease, t, p;
end:
  do
  :: atomic { toCoordinator?request(_, _, _, t) -> place_for(t); t = 0; p = 0 }
  :: atomic {
       toCoordinator?cancel(_, _, _, t) ->
       if
       :: queue??[eval(t)] -> queue??eval(t)
       :: else
       fi;
       t = 0
     }
  :: atomic { toCoordinator?joined(w, l, _, _) -> served[w] = l; next_for(w); w = 0; l = 0; t = 0 }
  :: atomic {
       toCoordinator?freed(w, l, _, _) ->
       if
       :: served[w] == l -> next_for(w)
       :: else
       fi;
       w = 0; l = 0; t = 0
     }
  /* A call is answered: the first who waits has its lease as it is, and its worker does not hear of it. */
  :: atomic {
       toCoordinator?offered(w, _, lease, _) ->
       if
       :: grantOf[w] == lease && nempty(queue) ->
         queue?t;
         waiterOf[w] = t;
         toClient[w]!accepted(0, lease, t)
       :: else -> toClient[w]!declined(0, lease, 0)
       fi;
       w = 0; lease = 0; t = 0
     }
  :: atomic {
       toCoordinator?left(w, l, lease, _) ->
       if
       :: served[w] == l ->
         served[w] = 0;
         t = 0;
#ifndef FORGETFUL
         if
         :: grantOf[w] != 0 && grantOf[w] != lease -> t = waiterOf[w]
         :: else
         fi;
#endif
         grantOf[w] = 0;
         waiterOf[w] = 0;
         if
         :: t != 0 -> place_for(t)
         :: else
         fi
       :: else
       fi;
       w = 0; l = 0; lease = 0; t = 0; p = 0
     }
  od
}

proctype Worker(byte w) {
  byte l, lease, t, held;
  bool isRevoked;
end:
  do
  :: atomic { !isUp[w] -> life[w]++; isUp[w] = true; toCoordinator!joined(w, life[w], 0, 0) }
  :: atomic {
       toWorker[w]?granted(l, lease, t) ->
       /* Messages go to one life of a worker, and nobody reads the letters of the dead. */
       if
       :: isUp[w] && IS_FOR(l, life[w]) ->
         assert(held == 0); /* one slot, one lease */
         held = lease;
         toClient[w]!granted(l, lease, t)
       :: else
       fi;
       l = 0; lease = 0; t = 0
     }
  :: atomic {
       toWorker[w]?released(l, lease, _) ->
       if
       :: isUp[w] && IS_FOR(l, life[w]) && IS_HELD(lease, held) ->
         held = 0;
         isRevoked = false;
         toCoordinator!freed(w, l, 0, 0)
       :: else
       fi;
       l = 0; lease = 0
     }
  :: atomic {
       toWorker[w]?revoked(l, lease, _) ->
       if
       :: isUp[w] && IS_FOR(l, life[w]) && IS_HELD(lease, held) -> isRevoked = true
       :: else
       fi;
       l = 0; lease = 0
     }
  /* It dies, or the grace time of a revoked lease is up. */
  :: atomic {
       isUp[w] && ((!calm && deaths < DEATHS) || isRevoked) ->
       if
       :: isRevoked
       :: !isRevoked -> deaths++
       fi;
       isUp[w] = false;
       owes[w] = 0;
#ifdef NO_LAST_WORD
       toCoordinator!left(w, life[w], 0, 0);
#else
       toCoordinator!left(w, life[w], held, 0);
#endif
       if
       :: held != 0 -> toClient[w]!lost(life[w], held, 0)
       :: else
       fi;
       held = 0;
       isRevoked = false
     }
  od
}

/* Python answers what it was asked; the answer of a process that has died since may still be under way. */
proctype Python(byte w) {
end:
  do
  :: atomic { isUp[w] && owes[w] != 0 -> answers[w]!owes[w]; owes[w] = 0 }
  od
}

/* The request of a ticket goes out under the lease that is held; a caller who has left has no use for the lease. */
inline exchange_for(ticket) {
  if
  :: is[ticket] == waiting ->
    heldFor = ticket;
    is[ticket] = running;
    if
    :: isUp[w] && life[w] == heldLife ->
      assert(owes[w] == 0); /* a slot with an unanswered request is never free */
      assert(!wasStarted[ticket]); /* a request is started at most once */
      wasStarted[ticket] = true;
      owes[w] = held
    :: else
    fi
  :: is[ticket] != waiting ->
    assert(is[ticket] == over);
#ifdef CARELESS
    held = 0; heldLife = 0
#else
    give_back()
#endif
  fi
}

inline give_back() {
  toWorker[w]!released(heldLife, held, 0);
  held = 0; heldLife = 0; heldFor = 0
}

proctype Client(byte w) {
  byte l, lease, t, held, heldLife, heldFor;
  bool isOffering;
end:
  do
  :: atomic {
       toClient[w]?granted(l, lease, t) ->
       assert(held == 0);
       held = lease;
       heldLife = l;
       exchange_for(t);
       l = 0; lease = 0; t = 0
     }
  :: atomic {
       answers[w]?lease ->
       if
       :: IS_HELD(lease, held) ->
         assert(lease == held); /* the answer to another question */
         if
         :: is[heldFor] == running -> is[heldFor] = over; heldFor = 0; isOffering = true
         :: is[heldFor] == running -> is[heldFor] = over
         :: else
         fi;
         if
         :: isOffering -> toCoordinator!offered(w, 0, held, 0)
         :: else -> give_back()
         fi
       :: else
       fi;
       lease = 0
     }
  :: atomic {
       toClient[w]?accepted(_, lease, t) ->
       if
       :: held == lease && isOffering -> isOffering = false; exchange_for(t)
       :: else ->
         assert(held == 0);
#ifndef HEARTLESS
         toCoordinator!request(0, 0, 0, t)
#endif
       fi;
       lease = 0; t = 0
     }
  :: atomic {
       toClient[w]?declined(_, lease, _) ->
       if
       :: held == lease && isOffering -> isOffering = false; give_back()
       :: else
       fi;
       lease = 0
     }
  :: atomic {
       toClient[w]?lost(_, lease, _) ->
       if
       :: IS_HELD(lease, held) ->
         if
         :: is[heldFor] == running -> is[heldFor] = over
         :: else
         fi;
         held = 0; heldLife = 0; heldFor = 0; isOffering = false
       :: else
       fi;
       lease = 0
     }
  /* The caller gives up under its lease: Python still owes the answer. */
  :: atomic {
       !calm && givenUp < GIVE_UPS && held != 0 && is[heldFor] == running ->
       givenUp++;
       is[heldFor] = over;
#ifdef HASTY
       give_back()
#else
       toWorker[w]!revoked(heldLife, held, 0)
#endif
     }
  od
}

proctype Caller() {
  byte mine, calls;
end:
  do
  :: atomic {
       calls < CALLS && (mine == 0 || is[mine] == over) ->
       calls++;
       tickets++;
       mine = tickets;
       is[mine] = waiting;
       toCoordinator!request(0, 0, 0, mine)
     }
  :: atomic {
       !calm && givenUp < GIVE_UPS && mine != 0 && is[mine] == waiting ->
       givenUp++;
       is[mine] = over;
       toCoordinator!cancel(0, 0, 0, mine)
     }
  od
}

/* Once nothing can happen any more, everybody has had an answer and every slot is free again. */
proctype Rest() {
  byte at;
  calm = true;
  timeout ->
  atomic {
    assert(tickets == TICKETS && empty(queue));
    at = 1;
    do
    :: at <= TICKETS -> assert(is[at] == over); at++
    :: else -> break
    od;
    at = 0;
    do
    :: at < WORKERS -> assert(isUp[at] && served[at] == life[at] && grantOf[at] == 0 && owes[at] == 0); at++
    :: else -> break
    od
  }
}

init {
  byte at;
  atomic {
    do
    :: at < WORKERS -> run Worker(at); run Python(at); run Client(at); at++
    :: else -> break
    od;
    at = 0;
    do
    :: at < CALLERS -> run Caller(); at++
    :: else -> break
    od;
    run Rest()
  }
}
