import collections
import ctypes
import dataclasses
import datetime
import decimal
import enum
import importlib.util
import json
import random
import sys
import types
import unittest
from unittest import mock

from harness import LIBRARY, VECTORS
from pythonarium import message, rich, value as with_c
from pythonarium.expose import MARK
from pythonarium.message import MessageTooLarge, ProtocolError
from pythonarium.rich import restore
from pythonarium.stream import Stream

VALUES = json.loads((VECTORS / "values.json").read_text(encoding="utf-8"))
DEPTH_MAX = 200


def made_by(helpers):
    """Return the value module as it is where Python has these for the C helpers of json; None: it was built without."""
    spec = importlib.util.spec_from_file_location("pythonarium.value_made_by", LIBRARY / "pythonarium" / "value.py")
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, {"_json": helpers}):
        spec.loader.exec_module(module)
    return module


def later_helpers(asked, signature=lambda *given: given):
    """The C helpers of a later Python, whose scanner asks its context for more, and whose encoder takes what `signature` does."""
    import _json

    def make_scanner(context):
        getattr(context, asked)
        return _json.make_scanner(context)

    def make_encoder(*given):
        return _json.make_encoder(*signature(*given))

    return types.SimpleNamespace(make_scanner=make_scanner, make_encoder=make_encoder, encode_basestring_ascii=_json.encode_basestring_ascii)


IMPLEMENTATIONS = {"with the C helpers": with_c, "without them": made_by(None)}
NAMES = {"__name__": "vectors"}
exec("\n".join(VALUES["prelude"]["python"]), NAMES)


class LaterHelpers(unittest.TestCase):
    def test_those_of_python_3_15_ask_for_one_thing_more(self):
        value = made_by(later_helpers("array_hook"))
        self.assertIs(type(value._scan), type(with_c._scan))
        self.assertFalse(hasattr(value._encode, "__self__"))

    def test_where_they_are_not_what_they_were_json_itself_knows_how_to_use_them(self):
        for helpers in (later_helpers("something_else"), later_helpers("strict", lambda one: (one,)), types.SimpleNamespace()):
            value = made_by(helpers)
            self.assertIsInstance(value._encode.__self__, json.JSONEncoder)
            self.assertEqual(value.decode(b'{"a":[1,2.5,null]}'), {"a": [1, 2.5, None]})
            self.assertEqual(value.encode({"a": [1, 2.5, None, "\xe4"]}, DEPTH_MAX)[0], '{"a":[1,2.5,null,"\\u00e4"]}')


class Vectors(unittest.TestCase):
    def test_what_node_sends_arrives_as_the_table_says(self):
        for how, value in IMPLEMENTATIONS.items():
            for case in VALUES["toPython"]:
                if case["column"] != "refused":
                    with self.subTest(case["name"], how=how):
                        came = arrived(in_message(case), map(bytes.fromhex, case.get("bin", [])), value.decode)
                        self.assertTrue(is_exactly(came, eval(case["python"], NAMES)), came)

    def test_what_python_sends_is_written_as_the_table_says(self):
        for how, value in IMPLEMENTATIONS.items():
            for case in VALUES["toNode"]:
                if case["column"] != "refused":
                    with self.subTest(case["name"], how=how):
                        text, attachments = value.encode(eval(case["python"], NAMES), DEPTH_MAX)
                        self.assertEqual(text, in_message(case))
                        self.assertEqual([one.hex() for one in attachments], case.get("bin", []))

    def test_what_cannot_cross_is_refused_with_the_path_to_it(self):
        for how, value in IMPLEMENTATIONS.items():
            for case in VALUES["toNode"]:
                if case["column"] == "refused":
                    with self.subTest(case["name"], how=how):
                        with self.assertRaises(with_c.ValueRefused) as caught:
                            value.encode(eval(case["python"], NAMES), DEPTH_MAX)
                        self.assertEqual(caught.exception.path, case["path"])
                        self.assertTrue(str(caught.exception).startswith(case["path"] + " "), str(caught.exception))

    def test_what_is_the_same_comes_back_the_same(self):
        for case in VALUES["toPython"]:
            if case["column"] == "same":
                with self.subTest(case["name"]):
                    sent = eval(case["python"], NAMES)
                    self.assertTrue(is_exactly(there_and_back(sent), sent))


class Properties(unittest.TestCase):
    def test_any_value_comes_back_exactly_or_is_refused(self):
        seed = random.randrange(1 << 32)
        make = random.Random(seed)
        refused = 0
        for _ in range(3000):
            sent = any_value(make, 4)
            with self.subTest(seed=seed, sent=repr(sent)):
                try:
                    back = there_and_back(sent)
                except with_c.ValueRefused as error:
                    refused += 1
                    self.assertFalse(may_cross(eval(error.path, {"value": sent})), error)
                else:
                    self.assertTrue(may_cross(sent))
                    self.assertTrue(is_exactly(back, sent), back)
        self.assertTrue(0 < refused < 3000, refused)


class Levels(unittest.TestCase):
    """Many containers are looked into all at once, place by place."""

    def test_one_part_that_cannot_cross_is_found_wherever_it_is(self):
        bad = [2**53, -(2**53), b"", {1}, {1: 2}, {None: 0}, object(), [[[[[[[0]]]]]]]]
        for seed in range(600):
            random.seed(seed)
            value = many(random.choice([3, 7, 8, 9, 24, 65]), 3)
            with self.subTest(seed):
                self.assertEqual(with_c.encode_plain(value, 6), json.dumps(value, separators=(",", ":")))
                part = random.choice(bad)
                spoil(value, part)
                self.assertIsNone(with_c.encode_plain(value, 6), part)

    def test_an_array_of_many_dimensions_takes_no_longer_than_one_of_few(self):
        # By places alone, its last level would be half a million parts.
        value = array(8, 64, 64, 2)
        self.assertEqual(with_c.encode_plain(value, 4), json.dumps(value, separators=(",", ":")))
        calls = []
        with_c._places, places = lambda *given: calls.append(given) or places(*given), with_c._places
        try:
            with_c.encode_plain(array(16, 32, 32, 32, 2), 5)
        finally:
            with_c._places = places
        self.assertLess(len(calls), 2**20 // with_c.PLACE_MIN)

    def test_what_holds_itself_is_not_unrolled(self):
        twice = []
        twice += [twice, twice]
        nodes = [{"name": "root", "parent": None, "parts": []}]
        for number in range(1, 300):
            nodes.append({"name": f"node {number}", "parent": nodes[number // 3], "parts": []})
            nodes[number // 3]["parts"].append(nodes[number])
        sizes = []
        with_c._places, places = lambda *given: sizes.append(sum(map(len, given[0]))) or places(*given), with_c._places
        try:
            for value in (twice, nodes[0], nodes):
                with self.subTest(type(value)), self.assertRaisesRegex(with_c.ValueRefused, "holds itself"):
                    with_c.encode(value, DEPTH_MAX)
        finally:
            with_c._places = places
        self.assertLess(max(sizes), 8 * with_c.SHARED_MIN)

    def test_they_are_as_deep_as_they_may_be_and_no_deeper(self):
        value = [{"a": n, "b": [n, [n]]} for n in range(40)]
        self.assertIsNotNone(with_c.encode_plain(value, 4))
        self.assertIsNone(with_c.encode_plain(value, 3))


class Shared(unittest.TestCase):
    """A few parts that hold each other, or one text, may stand for more than there is memory."""

    def test_what_is_held_many_times_over_is_refused_before_it_is_written(self):
        pair = collections.namedtuple("Pair", "one other")
        text = "x" * 1_000
        for name, value in {
            "lists": nested(10, [1] * 10, lambda inner: [inner] * 10),
            "two each": nested(60, [1], lambda inner: [inner, inner]),
            "dicts": nested(10, 1, lambda inner: dict.fromkeys("abcdefghij", inner)),
            "dicts in order": nested(60, 1, lambda inner: collections.OrderedDict(a=inner, b=inner)),
            "named tuples": nested(60, 1, lambda inner: pair(inner, inner)),
            "more than JavaScript can count": nested(100, 1, lambda inner: [inner] * 100),
            "a long list": [[0] * 100_000] * 1_000,
            "a list of texts": [[text] * 100] * 1_000,
            "a list of not so many": [[text] * 100] * 20,
            "a text in rows": [{"id": number, "text": text} for number in range(10_000)],
            "a text in dicts": [{"id": number, str(number % 99): text} for number in range(10_000)],
            "a key": [{text: 1}] * 100_000,
        }.items():
            # With what JSON has no word for it is walked.
            for what, sent in [("plain", value), ("rich", [b"", value])]:
                with self.subTest(name, what=what), mock.patch.object(with_c, "_encode", side_effect=AssertionError("it was written")):
                    with self.assertRaises(MessageTooLarge) as caught:
                        with_c.encode(sent, DEPTH_MAX, None, 1_000_000)
                    error = caught.exception
                    self.assertEqual((error.what, error.limit), ("", 1_000_000))
                    self.assertTrue(1_000_000 < error.bytes <= with_c.INT_MAX, error.bytes)
        with self.assertRaises(MessageTooLarge):
            with_c.encode([text] * 10_000, DEPTH_MAX, None, 1_000_000)

    def test_it_crosses_as_long_as_it_is_no_longer_than_it_may_be(self):
        shared = [nested(3, [1] * 10, lambda inner: [inner] * 10), ["x" * 500] * 100]
        for value in [shared, [shared, shared], [b"", shared], {"a": shared, 1: shared}, [{"a": shared}] * 20]:
            text, _ = with_c.encode(value, DEPTH_MAX)
            self.assertEqual(with_c.encode(value, DEPTH_MAX, None, len(text))[0], text)

    def test_what_holds_itself_is_told_so_though_it_is_long_on_the_way_round(self):
        parent = {"text": "x" * 1_000, "children": []}
        parent["children"].append([parent] * 20)
        for limit in (1_500, 100_000):
            with self.assertRaises(with_c.ValueRefused) as caught:
                with_c.encode(parent, DEPTH_MAX, None, limit)
            self.assertEqual(str(caught.exception), "value['children'][0][0] holds itself, and a cycle cannot cross to Node; break it")

    def test_nothing_is_taken_for_longer_than_it_is(self):
        seed = random.randrange(1 << 32)
        make = random.Random(seed)
        for _ in range(2_000):
            sent = any_value(make, 4)
            with self.subTest(seed=seed, sent=repr(sent)):
                try:
                    text, _ = with_c.encode(sent, DEPTH_MAX)
                except with_c.ValueRefused:
                    continue
                self.assertEqual(with_c.encode(sent, DEPTH_MAX, None, len(text))[0], text)


def nested(levels, inner, around):
    for _ in range(levels):
        inner = around(inner)
    return inner


def array(length, *lengths):
    return [array(*lengths) if lengths else 0 for _ in range(length)]


def many(count, levels):
    """Return a list or a dict of so many containers or atoms, whose first decides what most of the others are like."""
    if not levels:
        return random.choice([1, 2.5, "x", None, True, 2**53 - 1])
    width, strays = random.choice([1, 2, 3, 5]), random.random() < 0.5
    made = []
    for _ in range(count):
        row = [many(random.choice([0, 1, 2]) if levels > 1 else 0, levels - 1 if random.random() < 0.7 else 0) for _ in range(width)]
        if strays and random.random() < 0.2:
            row.append(1)
        made.append(dict(zip("abcdef", row)) if random.random() < 0.6 else row)
    return made if random.random() < 0.7 else {f"key {n}": row for n, row in enumerate(made)}


def spoil(value, part):
    """Put `part` somewhere into it."""
    places = list(value) if isinstance(value, dict) else range(len(value))
    at = random.choice(places)
    inner = value[at]
    if isinstance(inner, (list, dict)) and inner and random.random() < 0.7:
        spoil(inner, part)
    else:
        value[at] = part


class Members(unittest.TestCase):
    def test_several_members_share_what_is_told_behind_them(self):
        members = {"args": [b"x", 1], "kwargs": {"at": float("nan"), "more": b"yz"}}
        text, attachments = with_c.encode_members(members, DEPTH_MAX)
        self.assertEqual(
            json.loads(f"{{{text}}}"),
            {
                "args": [None, 1],
                "kwargs": {"at": "nan", "more": None},
                "rich": [[["args", 0], "bytes", 0], [["kwargs", "at"], "float"], [["kwargs", "more"], "bytes", 1]],
                "bin": [1, 2],
            },
        )
        self.assertEqual([bytes(one) for one in attachments], [b"x", b"yz"])

    def test_what_stands_for_plain_json_is_that(self):
        at = datetime.date(2026, 1, 2)
        text, attachments = with_c.encode([at, {"at": at}], DEPTH_MAX)
        self.assertEqual(text, '["2026-01-02",{"at":"2026-01-02"}]')
        self.assertIs(attachments, with_c.NO_ATTACHMENTS)
        self.assertIsNot(with_c.encode([at, b""], DEPTH_MAX)[1], with_c.NO_ATTACHMENTS)

    def test_members_of_plain_json_are_just_that_and_no_level_of_depth(self):
        self.assertEqual(with_c.encode_members({"args": [[1]], "kwargs": {}}, 1), ('"args":[[1]],"kwargs":{}', []))
        for args in ([[[1]]], [[[1, b""]]]):
            with self.assertRaises(with_c.ValueRefused) as caught:
                with_c.encode_members({"args": args}, 1)
            self.assertEqual(caught.exception.path, "args[0][0]")

    def test_what_is_no_value_goes_to_the_hook_and_back_to_who_resolves_it(self):
        thing = object()
        text, _ = with_c.encode([thing, {"a": thing}], DEPTH_MAX, lambda value: ("handle", 7, "Thing"))
        self.assertEqual(text, '[null,{"a":null}],"rich":[[["value",0],"handle",7,"Thing"],[["value",1,"a"],"handle",7,"Thing"]]')
        message = json.loads(f'{{"value":{text}}}')
        restore(message, lambda kind, data: (kind, *data))
        self.assertEqual(message["value"], [("handle", 7, "Thing"), {"a": ("handle", 7, "Thing")}])
        with self.assertRaises(with_c.ValueRefused):
            with_c.encode([thing], DEPTH_MAX, lambda value: None)

    def test_an_instance_of_an_exposed_class_goes_to_the_hook_whatever_it_holds(self):
        for base, items in [(dict, {"a": 1}), (dict, {"a": b""}), (list, [1]), (tuple, (1,)), (float, 1.5), (str, "x"), (int, 7)]:
            kind = type("Thing", (base,), {MARK: "Thing"})
            with self.subTest(base=base, items=items):
                text, _ = with_c.encode([kind(items)], DEPTH_MAX, lambda value: ("handle", 7))
                self.assertEqual(text, '[null],"rich":[[["value",0],"handle",7]]')

    def test_a_dataclass_is_its_fields_though_it_is_a_dict_too(self):
        @dataclasses.dataclass
        class Output(dict):
            loss: float

        for loss in (0.5, float("inf")):
            with self.subTest(loss):
                message = json.loads(f'{{"value":{with_c.encode(Output(loss), DEPTH_MAX)[0]}}}')
                self.assertEqual(list(message["value"]), ["loss"])

    def test_an_entry_that_means_nothing_is_a_broken_protocol(self):
        for entry in [[["value", 3], "float"], [["value", 0], "moon"], [["value", 0], "bytes", 0], [["value", 0], "int"], [["value", 0], "map"], [[], "float"]]:
            with self.subTest(entry), self.assertRaises(ProtocolError):
                restore({"value": ["x"], "rich": [entry]})

    def test_a_key_may_be_as_deep_as_a_value_may_be(self):
        told = {"value": [[eval("nest(890)", NAMES), 1]], "rich": [[["value"], "map"]]}
        restore(told)
        ((key, _),) = told["value"].items()
        levels = 0
        while key:
            self.assertIs(type(key), tuple)
            (key,) = key
            levels += 1
        self.assertEqual((levels, key), (889, ()))

    @mock.patch.dict(sys.modules, {"numpy": None})
    def test_a_typed_array_comes_as_it_is_where_numpy_is_kept_from_being_imported(self):
        call = {"args": [None], "bin": [bytearray(8)], "rich": [[["args", 0], "array", 0, "float64"]]}
        rich.restore_call(call, len, None)
        self.assertEqual(call["args"][0].tolist(), [0.0])


class Views(unittest.TestCase):
    def test_the_format_of_a_view_may_spell_the_byte_order_of_the_machine_out(self):
        # As those of the arrays of `ctypes` do, and so of `multiprocessing`.
        for kind, name in [(ctypes.c_double, "float64"), (ctypes.c_int32, "int32"), (ctypes.c_uint64, "uint64")]:
            view = memoryview((kind * 2)(1, 2))
            with self.subTest(view.format):
                text, (sent,) = with_c.encode(view, DEPTH_MAX)
                self.assertEqual(text, f'null,"rich":[[["value"],"array",0,"{name}"]],"bin":[{view.nbytes}]')
                self.assertEqual(bytes(sent), bytes(view))

    def test_items_in_another_byte_order_are_refused(self):
        swapped = ctypes.c_int.__ctype_be__ if sys.byteorder == "little" else ctypes.c_int.__ctype_le__
        with self.assertRaisesRegex(with_c.ValueRefused, "has items of the format"):
            with_c.encode(memoryview((swapped * 2)(1, 2)), DEPTH_MAX)


class Refusals(unittest.TestCase):
    def test_a_refusal_says_what_to_do_instead(self):
        for text, advice in [
            ("1j", ".real and .imag"),
            ("fractions.Fraction(1, 3)", "return str"),
            ("(x for x in [])", "call it with stream()"),
            ("range(3)", "return list"),
            ("type('Array', (), {'tolist': list})()", ".tolist()"),
            ("type('complex64', (), {'tolist': list})()", ".real and .imag"),
            ("type('DataFrame', (), {'keys': list, '__getitem__': list})()", "its rows as dicts"),
            ("type('longdouble', (), {'tolist': list})()", "return float"),
            ("type('clongdouble', (), {'tolist': list})()", "return float(...) of its .real"),
            ("ring()", "break it"),
            ("nest(201)", "deeper than 200 levels; flatten the value, or raise `depthMax`"),
            ("{decimal.Decimal(1), '1'}", "return a list"),
            ("'\\ud83d' + '\\ude00'", "return bytes"),
            ("type('Nat', (datetime.datetime,), {'nanosecond': 1})(2020, 1, 1)", "return str"),
            ("type('Delta', (datetime.timedelta,), {'nanoseconds': 1})(1)", "return str"),
        ]:
            with self.subTest(text), self.assertRaises(with_c.ValueRefused) as caught:
                with_c.encode(eval(text, NAMES), DEPTH_MAX)
            self.assertIn(advice, str(caught.exception))

    def test_what_only_says_that_it_is_of_another_class_is_refused_as_what_it_is(self):
        for said in (int, float, str, list, dict):
            stand_in = type("StandIn", (), {"__class__": property(lambda self, said=said: said)})()
            for value in [stand_in, [stand_in], {stand_in: 1}, {stand_in: b""}]:
                with self.subTest(said=said, value=type(value)), self.assertRaisesRegex(with_c.ValueRefused, "is a .*StandIn, which cannot cross"):
                    with_c.encode(value, DEPTH_MAX)

    def test_two_keys_or_members_that_would_be_one_in_javascript_are_refused(self):
        nan, other = float("nan"), float("nan")
        large = 2**60
        Point, Pixel = [dataclasses.make_dataclass(name, ["x"], frozen=True) for name in ("Point", "Pixel")]
        One, Ratio = enum.Enum("One", {"A": 1}), type("Ratio", (float,), {})
        Several = type("Several", (dict,), {"items": lambda self: [("a", 1), ("a", 2)]})
        # Text that is told apart by more than what it is.
        Tagged = type("Tagged", (str,), {"__eq__": lambda self, other: self is other, "__hash__": lambda self: id(self)})
        tagged = {Tagged("a"): b"1", Tagged("a"): b"2"}
        for one in [{nan, other}, {nan: 1, other: 2}, {large, enum.Enum("Large", {"A": large}).A}, {"1", decimal.Decimal(1)}, {Ratio(1), One.A}, Several(), tagged]:
            with self.subTest(one), self.assertRaisesRegex(with_c.ValueRefused, "would be one in JavaScript"):
                with_c.encode(one, DEPTH_MAX)
        for fine in [{Point(nan), Point(other)}, {Point(1), Pixel(1)}, {nan, "nan"}, {float("inf"), float("-inf"), 1}, {large, large + 1, f"{large:x}"}, {(nan,), (other,)}, {Tagged("a"): b"1"}]:
            with self.subTest(fine):
                with_c.encode(fine, DEPTH_MAX)

    def test_an_object_that_a_set_says_it_has_twice_is_refused_as_it_would_be_one_handle(self):
        Twice = type("Twice", (set,), {"__iter__": lambda self: iter([one for one in set.__iter__(self) for _ in range(2)])})
        thing, other = object(), object()
        with self.assertRaisesRegex(with_c.ValueRefused, "would be one in JavaScript"):
            with_c.encode(Twice({thing}), DEPTH_MAX, lambda value: ("handle", 7, "Thing"))
        with_c.encode({thing, other}, DEPTH_MAX, lambda value: ("handle", 7 if value is thing else 8, "Thing"))

    def test_a_moment_whose_zone_does_not_say_how_far_off_it_is_is_as_one_without(self):
        zone = type("Zone", (datetime.tzinfo,), {"utcoffset": lambda self, moment: None})()
        self.assertEqual(with_c.encode(datetime.datetime(2026, 1, 2, tzinfo=zone), DEPTH_MAX), ('"2026-01-02T00:00:00"', []))

    @mock.patch.dict(sys.modules, numpy=mock.Mock())
    def test_an_array_of_somebody_elses_dtype_is_refused_though_it_has_the_letter_of_one_of_numpys(self):
        dtype = types.SimpleNamespace(hasobject=False, names=None, str="<f1", isbuiltin=2)
        with self.assertRaisesRegex(with_c.ValueRefused, "no form outside of Python"):
            rich._ndarray(rich._Walk(DEPTH_MAX, None), types.SimpleNamespace(dtype=dtype), DEPTH_MAX)

    @mock.patch.dict(sys.modules, numpy=mock.Mock())
    def test_an_array_of_more_dimensions_than_every_numpy_has_is_refused(self):
        dtype = types.SimpleNamespace(hasobject=False, names=None, str="<f8", isbuiltin=1)
        for shape in [(1,) * 33, (0, 2**40, 2**20)]:
            array = types.SimpleNamespace(dtype=dtype, shape=shape, ndim=len(shape), itemsize=8)
            with self.subTest(shape), self.assertRaisesRegex(with_c.ValueRefused, "more than 32 dimensions"):
                rich._ndarray(rich._Walk(DEPTH_MAX, None), array, DEPTH_MAX)

    def test_a_view_that_would_have_to_be_copied_is_found_to_be_too_large_before_that(self):
        half = memoryview(bytes(60))[::2]
        with mock.patch.object(message, "attachment_bytes_max", 50):
            self.assertEqual(list(map(len, with_c.encode([b"x" * 20, half], DEPTH_MAX)[1])), [20, 30])
            with self.assertRaises(MessageTooLarge) as caught:
                with_c.encode([b"x" * 21, half], DEPTH_MAX)
            self.assertEqual((caught.exception.bytes, caught.exception.option), (51, "attachmentBytesMax"))
            stream = Stream(mock.Mock(depth_max=DEPTH_MAX, bytes_max=10_000, handing=None, hear={}), {"items": 10, "bytes": 1_000})
            with self.assertRaisesRegex(MessageTooLarge, "^Item 0 .* `attachmentBytesMax` is 50"):
                stream.send(iter([[b"x" * 21, half]]))

    def test_a_view_of_more_than_javascript_can_count_is_told_of_by_as_much_as_that_can(self):
        with self.assertRaises(MessageTooLarge) as caught:
            rich._Walk(DEPTH_MAX, None).check_copy(2**60)
        self.assertEqual(caught.exception.bytes, with_c.INT_MAX)

    def test_what_is_attached_already_is_not_gone_through_again_for_each_view_that_is_copied(self):
        class Unread(list):
            __iter__ = None

        walk = rich._Walk(DEPTH_MAX, None)
        walk.attachments = Unread()
        for count in (1, 2):
            rich._memoryview(walk, memoryview(bytes(60))[::2], DEPTH_MAX)
            self.assertEqual(len(walk.attachments), count)

    def test_what_was_found_out_of_classes_is_not_kept_for_ever(self):
        for number in range(3 * rich.CONVERTERS_MAX):
            with_c.encode({type(f"Made{number}", (float,), {})("nan")}, DEPTH_MAX)
        self.assertLessEqual(len(rich.CONVERTERS), rich.CONVERTERS_MAX)

    def test_a_limit_of_depth_that_python_cannot_follow_is_no_crash(self):
        with self.assertRaisesRegex(with_c.ValueRefused, "deeper than Python can follow"):
            with_c.encode(eval("nest(100_000)", NAMES), 1_000_000)

    def test_a_text_nested_deeper_than_python_can_follow_is_no_crash(self):
        with self.assertRaises(ValueError):
            with_c.decode(b"[" * 1_000_000 + b"]" * 1_000_000)
        with self.assertRaisesRegex(ValueError, "deeper than Python can follow"):
            with_c.decode(b" " + b"[" * 1_000_000)


def in_message(case):
    """Return the text that goes behind `"value":` in the message of a case."""
    text = case["json"]
    if "rich" in case:
        text += f',"rich":{json.dumps(case["rich"], separators=(",", ":"))}'
    if "bin" in case:
        text += f',"bin":{json.dumps([len(one) // 2 for one in case["bin"]], separators=(",", ":"))}'
    return text


def arrived(text, attachments, decode=with_c.decode):
    """Return the value of a message, as Python takes it from the line."""
    message = decode(f'{{"value":{text}}}'.encode())
    if "rich" in message:
        fixed = {data[0] for _, kind, *data in message["rich"] if kind == "bytes"}
        message["bin"] = [(bytes if number in fixed else bytearray)(one) for number, one in enumerate(attachments)]
        restore(message)
    return message["value"]


def there_and_back(sent):
    return arrived(*with_c.encode(sent, DEPTH_MAX))


def is_exactly(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, memoryview):
        return (one.format, one.readonly, one.shape, one.tobytes()) == (other.format, other.readonly, other.shape, other.tobytes())
    if isinstance(one, set):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_exactly, one, other))
    if isinstance(one, dict):
        return all(map(is_exactly, one, other)) and all(map(is_exactly, one.values(), other.values())) and len(one) == len(other)
    return repr(one) == repr(other)


def any_value(make, depth):
    kind = make.randrange(16 if depth else 9)
    if kind == 0:
        return make.choice([None, True, False]) if make.random() < 0.98 else ...
    if kind in (1, 2):
        return make.choice([0, 1, -1, 2**31, 2**53 - 1, -(2**53 - 1), 2**53] if make.random() < 0.1 else [0, 7, -9])
    if kind == 3:
        return make.choice([0.5, -0.0, 1e300, 5e-324, 1.0, float("inf")] if make.random() < 0.1 else [0.25, -1.5])
    if kind < 9:
        characters = "ab\"\\\n\u00e9\u4e16\U0001f40d\ud83d\ude00"
        return "".join(make.choices(characters, weights=[9, 9, 3, 3, 3, 3, 3, 3, 1, 1], k=make.randrange(5)))
    if kind == 9:
        return {(key if make.random() < 0.99 else 1): any_value(make, depth - 1) for key in make.sample("abcdef", make.randrange(5))}
    if kind == 10:
        # Many rows of one kind: they are checked all at once.
        row = make.choice(
            [
                lambda: [any_value(make, 0)],
                lambda: {"a": any_value(make, 0), "b": 7},
                lambda: {2: 7} if make.random() < 0.02 else {},
                lambda: [[7]],
            ]
        )
        return [row() for _ in range(make.randrange(6, 12))]
    if kind == 13:
        return make.randbytes(make.randrange(5))
    if kind == 14:
        return set(make.sample([0, 7, "a", 2**70, 0.5, b"b", (1, "a"), datetime.datetime.fromtimestamp(7, datetime.timezone.utc)], 3))
    if kind == 15:
        return {key: any_value(make, depth - 1) for key in make.sample([0, 7, "a", None, 2**70, 0.5, b"b", (1, (2**70,))], make.randrange(1, 4))}
    return [any_value(make, depth - 1) for _ in range(make.randrange(5))]


def may_cross(value):
    """Whether a value of `any_value` may cross, as simply as can be said."""
    if isinstance(value, list):
        return all(map(may_cross, value))
    if isinstance(value, dict):
        return all(map(may_cross, value.values()))
    return "\ud83d\ude00" not in value if isinstance(value, str) else value is not ...


if __name__ == "__main__":
    unittest.main()
