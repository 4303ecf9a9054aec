"""The work itself, which does not change when the pool does. Each command gets the session's state first."""


def deposit(state, account, amount):
    if amount <= 0:
        raise ValueError(f"a deposit must be more than nothing, and this is {amount}")
    accounts = state.setdefault("accounts", {})
    accounts[account] = accounts.get(account, 0) + amount
    return accounts[account]


def balances(state):
    return dict(sorted(state.get("accounts", {}).items()))


def interest(state, amount, rate, years):
    return round(amount * (1 + rate) ** years, 2)
