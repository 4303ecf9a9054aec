import datetime
import decimal
import enum
import math
import unittest
import uuid

import harness  # noqa: F401  (it makes the library importable)
from pythonarium.rich import encode_rich, restore
from pythonarium.rows import columns_of, find_rows, keyed_of, kinds_of, merged_of, rows_of
from pythonarium.value import ValueRefused, decode, encode, encode_checked, encode_plain, may_be_rows


def rows(height=256, **changes):
    made = [{"a": n, "b": "x"} for n in range(height)]
    for at, row in changes.items():
        made[int(at[1:])] = row
    return made


def encode_rows(value, depth_max):
    """Return the text of what has rows as columns; None of all else."""
    found = find_rows(value, depth_max)
    return found and encode_checked(*found, float("inf"), None)


class Columns(unittest.TestCase):
    def test_rows_of_the_same_keys_have_columns(self):
        self.assertEqual(columns_of(rows()), (["a", "b"], [list(range(256)), ["x"] * 256]))

    def test_one_that_is_not_like_the_others_leaves_them_without(self):
        class Row(dict):
            pass

        class Same:
            """Found under a key that it is not."""

            def __hash__(self):
                return hash("b")

            def __eq__(self, other):
                return other == "b"

        others = [{"b": 1, "a": 1}, {"a": 1}, {"a": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}, None, [1, 2], Row(a=1, b=1), {"a": 1, 2: 1}, {"a": 1, Same(): 1}]
        for other in others:
            for at in (0, 100, 255):
                with self.subTest(other=other, at=at):
                    self.assertIsNone(encode_rows(rows(**{f"_{at}": other}), 64))

    def test_keys_are_told_apart_whatever_is_in_them(self):
        # With nothing but their texts one behind the other, these would be alike.
        for first, other in [({"a\0b": 1, "c": 1}, {"a": 1, "b\0c": 1}), ({"ab": 1, "c": 1}, {"a": 1, "bc": 1}), ({"": 1, "\0": 1}, {"\0": 1, "": 1})]:
            with self.subTest(first=first):
                for at in (0, 1, 299):
                    mixed = [dict(first) for _ in range(300)]
                    mixed[at] = other
                    self.assertIsNone(columns_of(mixed))

    def test_a_key_that_is_text_of_a_class_of_its_own_is_that_text(self):
        class Colour(str, enum.Enum):
            RED = "red"

        text, _ = encode([{Colour.RED: 1, "b": 2}] + [{"red": 1, "b": 2}] * 299, 64)
        self.assertTrue(text.endswith('"rich":[[["value"],"rows",["red","b"]]]'), text[-60:])

    def test_what_is_deeper_than_it_may_be_has_none(self):
        self.assertIsNotNone(encode_rows(rows(), 2))
        self.assertIsNone(encode_rows(rows(), 1))

    def test_keys_with_surrogates_are_told_as_those_of_one_row_are(self):
        self.assertIsNone(encode_rows([{"\ud800\udc00": 1, "b": 2}] * 300, 64))

    def test_one_row_many_times_over_is_not_spelled_out(self):
        self.assertIsNone(columns_of([{"k" * 1000: 1}] * 100_000))
        self.assertIsNone(kinds_of([{"k" * 1000: 1}, {"j": 1}] * 50_000))
        self.assertIsNone(kinds_of([{"k" * 10: 1}] * 100_000))
        self.assertIsNone(encode_rows({name: [{"a": 1, "b": 2}] * 500_000 for name in "abcde"}, 64))
        self.assertFalse(may_be_rows([dict.fromkeys("abcdefgh")] * 1_000_000))

    def test_what_text_stands_for_is_text_in_them(self):
        for cell in (
            datetime.date(2024, 2, 29),
            datetime.time(1, 2, 3, 4, datetime.timezone.utc),
            datetime.datetime(2024, 2, 29, 1, 2, 3, 456),
            decimal.Decimal("1.50"),
            uuid.UUID(int=7),
        ):
            with self.subTest(cell):
                for given in (rows(_7={"a": cell, "b": None}), rows(_7={"a": cell, "b": cell}, _8={"a": 1.5, "b": cell})):
                    text, attachments = encode(given, 64)
                    self.assertTrue(text.endswith(',"rich":[[["value"],"rows",["a","b"]]]'), text[-120:])
                    self.assertEqual((restored(text), attachments), (restored(encode_rich({"value": given}, 64, "value", None, 1e9)[0][8:]), []))

    def test_so_they_may_be_in_parts(self):
        given = [{"day": datetime.date(2024, 1, 1) + datetime.timedelta(n), "b": "x" * 2_000} for n in range(300)]
        parts = []
        text, _ = encode(given, 64, None, 1e9, parts.append)
        self.assertIn('["value"],"rows",["day","b"]', text)
        self.assertGreater(len(parts), 4)

    def test_what_more_than_text_stands_for_is_told_of_by_its_place_in_them(self):
        moment = datetime.datetime(2024, 2, 29, 1, 2, 3, 456, datetime.timezone.utc)
        for cell, entry in [
            (math.inf, '1,200],"float"],'),
            (2**60, '1,200],"int"],'),
            (moment, '1,200],"datetime",456],'),
            ({1}, '1,200],"set"],'),
            (b"raw", '1,200],"bytes",0],'),
            ({"a": {3: 4}}, '1,200,"a"],"map"],'),
        ]:
            with self.subTest(cell):
                for value in (rows(_200={"a": 1, "b": cell}), {"rows": rows(_200={"a": 1, "b": cell}), "day": moment.date()}):
                    text, attachments = encode(value, 64)
                    self.assertIn(entry, text)
                    self.assertIn('"rows",["a","b"]]]', text)
                    again, same = encode_rich({"value": value}, 64, "value", None, 1e9)
                    self.assertEqual(restored(text, attachments), restored(again[8:], same))

    def test_a_moment_with_a_zone_among_such_without_is_still_a_moment(self):
        naive = datetime.datetime(2024, 2, 29)
        given = [{"at": naive if n % 2 else naive.replace(tzinfo=datetime.timezone.utc), "b": n} for n in range(300)]
        found = restored(encode(given, 64)[0])
        self.assertEqual((found[0]["at"], found[1]["at"]), (given[0]["at"], "2024-02-29T00:00:00"))

    def test_what_is_refused_or_stays_here_is_told_of_by_its_place_among_the_rows(self):
        stays = object()
        hook = lambda value: ("handle", 5) if value is stays else None  # noqa: E731
        text, _ = encode(rows(_200={"a": 1, "b": stays}), 64, hook)
        self.assertTrue(text.endswith(',"rich":[[["value",200,"b"],"handle",5]]'), text[-60:])
        with self.assertRaises(ValueRefused) as refused:
            encode(rows(_200={"a": 1, "b": {object}}), 64)
        self.assertIn("value[200]['b']", str(refused.exception))

    def test_what_it_is_made_of_is_not_changed(self):
        given = rows()
        value = {"rows": given, "total": 256}
        encode(value, 64)
        self.assertIs(value["rows"], given)
        self.assertEqual(given, rows())


class Kinds(unittest.TestCase):
    def test_rows_of_two_kinds_are_two_lists_and_of_each_which(self):
        mixed = [{"a": n, "b": "x", **({"c": None} if n % 3 == 0 else {})} for n in range(900)]
        which, kinds = kinds_of(mixed)
        self.assertEqual(which[:5], [0, 1, 1, 0, 1])
        self.assertEqual(kinds, [(["a", "b", "c"], mixed[::3]), (["a", "b"], [row for row in mixed if "c" not in row])])
        text, attachments = encode(mixed, 64)
        self.assertEqual(attachments, [])
        self.assertTrue(text.endswith('"rich":[[["value",1],"rows",["a","b","c"]],[["value",2],"rows",["a","b"]],[["value"],"merged"]]'), text[-120:])
        self.assertEqual(restored(text), mixed)

    def test_what_is_like_none_of_the_others_goes_as_it_is(self):
        mixed = rows(1_200, _7={"b": 1, "a": 2}, _8={}, _90={"a": [{}], "z": {"deep": []}})
        text, _ = encode_rows(mixed, 64)
        self.assertIn(',[{"b":1,"a":2}],[{}],[{"a":[{}],"z":{"deep":[]}}]]', text)
        self.assertEqual(restored(text), mixed)
        self.assertEqual([list(row) for row in restored(text)], [list(row) for row in mixed])

    def test_those_beyond_sixteen_kinds_are_of_none(self):
        mixed = [{"a": n, f"k{n // 200}": 1, "b": 2} for n in range(4_000)]
        which, kinds = kinds_of(mixed)
        self.assertEqual((len(kinds), max(which)), (17, 16))
        self.assertEqual(kinds[15], (["a", "k15", "b"], mixed[3_000:3_200]))
        self.assertEqual(kinds[16], (None, mixed[3_200:]))
        self.assertEqual(restored(encode_rows(mixed, 64)[0]), mixed)

    def test_rows_of_kinds_that_are_too_few_each_stay_a_list(self):
        self.assertIsNone(encode_rows([{"a": n, f"k{n // 100}": 1, "b": 2} for n in range(4_000)], 64))

    def test_rows_that_are_all_different_or_no_rows_stay_a_list(self):
        self.assertIsNone(kinds_of([{f"key {n}": n, "b": 1} for n in range(1_200)]))
        self.assertIsNone(kinds_of([*rows(1_200), None]))
        self.assertIsNone(kinds_of([*rows(1_200), {1: 2}]))
        self.assertIsNone(kinds_of([*rows(1_200), dict.fromkeys(map(str, range(1_000)))] + [dict.fromkeys(map(str, range(1_000)))] * 4_000))

    def test_keys_are_told_apart_whatever_is_in_them(self):
        mixed = [{"a\0b": 1, "c": 1}, {"a": 1, "b\0c": 1}] * 600 + [{"q": 1, "r": 2}] * 1_800
        self.assertEqual([list(row) for row in restored(encode_rows(mixed, 64)[0])], [list(row) for row in mixed])

    def test_keys_of_the_same_text_that_python_tells_apart_are_no_columns(self):
        class Key(str):
            __hash__ = object.__hash__
            __eq__ = object.__eq__

        twice = [{"a": n, Key("a"): n} for n in range(1_200)]
        self.assertIsNone(encode_rows(twice, 64))
        mixed = [row for at, row in enumerate(twice) for row in (row, {"a": at, "b": at})]
        self.assertEqual([keys for keys, _ in kinds_of(mixed)[1]], [None, ["a", "b"]])
        # In JSON the last of two such keys is what arrives, and nothing may be said of the other.
        self.assertIsNone(encode_rows({"a": rows(), Key("a"): 5}, 64))
        self.assertIsNotNone(encode_rows([{"b": n, Key("a"): n} for n in range(1_200)], 64))

    def test_those_under_a_key_that_json_has_no_word_for_are_sent_as_they_are(self):
        day = datetime.date(2024, 1, 1)
        for given in (rows(), rows(1_200, _7={"a": 1})):
            text, _ = encode({day: given}, 64)
            self.assertEqual(decode(f'{{"value":{text}}}'.encode())["value"], [["2024-01-01", given]])

    def test_what_is_as_deep_as_it_may_be_crosses(self):
        mixed = rows(1_200, _7={"a": 1})
        self.assertIsNotNone(encode_rows(mixed, 3))
        # As columns it would be one level deeper.
        self.assertEqual(encode(mixed, 2), (encode_plain(mixed, 2), []))


class Merged(unittest.TestCase):
    def test_lists_become_one(self):
        self.assertEqual(merged_of([1, 0, 1], [["a"], ["b", "c"]]), ["b", "a", "c"])
        self.assertEqual(merged_of([], []), [])
        self.assertEqual(merged_of([0], [[None], []]), [None])

    def test_what_cannot_be_is_refused(self):
        wrong = [([0], []), ([0, 0], [["a"], ["b"]]), ([0], [["a"], ["b"]]), ([2], [["a"], []]), ([-1], [["a"]]), ([True], [[], ["a"]]), ("0", [["a"]]), ([0.0], [["a"]])]
        for which, lists in [*wrong, ([0], ["a"]), (None, []), ([0], [{"a": 1}])]:
            with self.subTest(which=which, lists=lists):
                with self.assertRaises(ValueError):
                    merged_of(which, lists)


class Keyed(unittest.TestCase):
    def test_rows_under_a_key_each_are_the_keys_and_columns(self):
        keyed = {f"key {n}": row for n, row in enumerate(rows())}
        for value, path in [(keyed, '["value"'), ({"rows": keyed, "total": 256}, '["value","rows"')]:
            text, attachments = encode(value, 64)
            self.assertEqual(attachments, [])
            self.assertTrue(text.endswith(f',"rich":[[{path},1],"rows",["a","b"]],[{path}],"keyed"]]'), text[-100:])
            self.assertEqual(restored(text), value)
        self.assertEqual(list(restored(encode(keyed, 64)[0])), list(keyed))

    def test_they_may_be_of_several_kinds(self):
        keyed = {str(n): row for n, row in enumerate(rows(1_200, _7={"a": 1}, _8={}))}
        text, _ = encode_rows(keyed, 64)
        self.assertTrue(text.endswith('[["value",1],"merged"],[["value"],"keyed"]]'), text[-100:])
        self.assertEqual(restored(text), keyed)

    def test_all_else_goes_as_it_is(self):
        class Key(str):
            pass

        class Row(dict):
            pass

        def keyed(**changes):
            return {f"key {n}": row for n, row in enumerate(rows(**changes))}

        for value in [
            keyed(height=200),
            keyed(_7=None),
            keyed(_7=Row(a=1, b=2)),
            keyed(_7={"a": 1, "b": float("nan")}),
            {**keyed(), Key("more"): {"a": 1, "b": 2}},
            {**keyed(), "\ud800\udc00": {"a": 1, "b": 2}},
            {n: row for n, row in enumerate(rows())},
            {f"key {n}": {"a": n, f"b {n}": n} for n in range(1_200)},
            {"deep": {"deeper": keyed()}},
        ]:
            with self.subTest(list(value)[-1]):
                self.assertIsNone(encode_rows(value, 64))
        self.assertIsNone(encode_rows(dict.fromkeys("abcdefgh", keyed(height=300_000)), 64))

    def test_as_columns_they_would_be_a_level_deeper(self):
        value = {f"key {n}": row for n, row in enumerate(rows())}
        self.assertIsNotNone(encode_rows(value, 3))
        self.assertEqual(encode(value, 2), (encode_plain(value, 2), []))

    def test_what_is_no_keys_and_items_is_refused(self):
        for keys, items in [([], []), (["a", "a"], [1, 2]), (["a"], [1, 2]), ([1], [1]), ("a", [1]), (["a"], "b"), (None, None)]:
            with self.subTest(keys=keys, items=items):
                with self.assertRaises((ValueError, TypeError)):
                    keyed_of(keys, items)


def restored(text, attachments=()):
    message = decode(f'{{"value":{text}}}'.encode())
    message["bin"] = attachments
    if "rich" in message:
        restore(message, None)
    return message["value"]


class Rows(unittest.TestCase):
    def test_columns_become_rows(self):
        self.assertEqual(rows_of([[1, 2], ["x", None]], ["a", "b"]), [{"a": 1, "b": "x"}, {"a": 2, "b": None}])
        self.assertEqual([list(row) for row in rows_of([[1], [2]], ["b", "a"])], [["b", "a"]])
        self.assertEqual(rows_of([[]], ["a"]), [])
        one, other = rows_of([[1, 1]], ["a"])
        self.assertIsNot(one, other)

    def test_what_is_no_columns_is_refused(self):
        wrong = [([], []), ([[1], [2]], "ab"), ([[1], [2]], ["a", 1]), ([[1], [2]], ["a", "a"]), ([[1]], ["a", "b"]), ([[1], [2]], ["a"])]
        wrong += [([[1, 2], [1]], ["a", "b"]), ([[1], "x"], ["a", "b"]), ("x", ["a"]), (None, ["a"]), ([[1]], None)]
        for columns, keys in wrong:
            with self.subTest(columns=columns, keys=keys):
                with self.assertRaises((ValueError, TypeError)):
                    rows_of(columns, keys)


if __name__ == "__main__":
    unittest.main()
