import enum
import unittest

import harness  # noqa: F401  (it makes the library importable)
from pythonarium.rows import columns_of, encode_rows, rows_of
from pythonarium.value import encode, may_be_rows


def rows(height=256, **changes):
    made = [{"a": n, "b": "x"} for n in range(height)]
    for at, row in changes.items():
        made[int(at[1:])] = row
    return made


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
        self.assertFalse(may_be_rows([dict.fromkeys("abcdefgh")] * 1_000_000))

    def test_what_it_is_made_of_is_not_changed(self):
        given = rows()
        value = {"rows": given, "total": 256}
        encode(value, 64)
        self.assertIs(value["rows"], given)
        self.assertEqual(given, rows())


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
