import { checkNames } from '../base/check-names.js';
import { own } from '../base/own.js';
import { OptionError } from '../errors.js';

/** An array of numbers, which is a `memoryview` in Python, or an array of numpy where the parameter's hint asks for one. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** What an {@link NdArray} is made of. */
export interface NdArrayParts<Data extends ArrayBufferView = ArrayBufferView> {
  /** As numpy names it: `float64`, `int32`, `bool`, `complex128`; `>f8`, `<U5` or `<M8[ns]` for what has no such name. */
  readonly dtype: string;
  /** The lengths of the dimensions; `[]` for a single item. */
  readonly shape: readonly number[];
  /** Whether the last index runs fastest (`'C'`, the default) or the first (`'F'`). */
  readonly order?: 'C' | 'F' | undefined;
  /** The items, one after the other. Their bytes are what counts, and are not copied. */
  readonly data: Data;
}

/**
 * An array of numpy, on Node's side: it arrives in Python as a writable `numpy.ndarray` of the same dtype, shape and
 * order, bit for bit, and comes back as this.
 *
 * What comes from Python has its items in the typed array that fits them: complex numbers as pairs in a `Float64Array`
 * or `Float32Array`, truth values as bytes, `float16` in a `Float16Array` or, where the runtime has none, as its bits in
 * a `Uint16Array`, and what JavaScript has no array for (text, another byte order) as a `Uint8Array` of their bytes.
 */
export class NdArray<Data extends ArrayBufferView = ArrayBufferView> {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly order: 'C' | 'F';
  readonly data: Data;

  /**
   * @throws OptionError (`ERR_OPTION`) for a dtype that is none, data that does not have the size of the shape, and a
   * name that is no part.
   */
  constructor(parts: NdArrayParts<Data>) {
    checkNames(parts, PARTS);
    const { dtype, shape, order = 'C', data } = own(parts);
    const problem = ndarrayProblem({ dtype, shape, order, data });
    if (problem !== undefined) throw new OptionError(problem);
    this.dtype = dtype;
    this.shape = [...shape];
    this.order = order;
    this.data = data;
  }
}

/** What is wrong with the parts of an {@link NdArray}. */
interface NdArrayProblem {
  readonly option: 'dtype' | 'shape' | 'order' | 'data';
  readonly expected: string;
  readonly got: unknown;
}

/**
 * Sends a typed array as an array of numpy, and not as a `memoryview`: `pool.call('mean', [ndarray(rows, { shape: [100, 3] })])`.
 * The items are not copied, and must not change until the call has settled.
 *
 * @throws OptionError (`ERR_OPTION`) for what is no typed array, or does not have the size of the shape, and for a name
 * that is no option: a mistyped `order` would be another array.
 */
export function ndarray<Data extends ArrayBufferView>(
  data: Data,
  options: { readonly shape?: readonly number[] | undefined; readonly order?: 'C' | 'F' | undefined } = {},
): NdArray<Data> {
  checkNames(options, OPTIONS);
  const { shape, order } = own(options);
  const dtype = dtypeOf(data);
  if (dtype === undefined) throw new OptionError({ option: 'data', expected: 'a typed array', got: data });
  return new NdArray({ dtype, shape: shape ?? [(data as unknown as Float64Array).length], order, data });
}

/** An array as it comes over the line, with its items in the typed array that fits them. */
export function ndarrayOf(bytes: Uint8Array, dtype: unknown, shape: unknown, order: unknown): NdArray {
  const Items = ITEMS.get(dtype) ?? Uint8Array;
  const data = new Items(bytes.buffer, bytes.byteOffset, bytes.byteLength / Items.BYTES_PER_ELEMENT);
  return new NdArray({ dtype, shape, order, data } as NdArrayParts);
}

/** The dtype of a typed array's items; `undefined` for what is none, and for `DataView`. */
export function dtypeOf(data: unknown): string | undefined {
  const name: unknown = ArrayBuffer.isView(data) ? Reflect.get(data, Symbol.toStringTag) : undefined;
  return name === 'Uint8ClampedArray' ? 'uint8' : DTYPES.get(name);
}

/** From Node 24 on. */
const { Float16Array } = globalThis as { readonly Float16Array?: TypedArrayClass };

/** The typed arrays by the dtype of their items. */
export const TYPED_ARRAYS = new Map<unknown, TypedArrayClass>([
  ['int8', Int8Array],
  ['uint8', Uint8Array],
  ['int16', Int16Array],
  ['uint16', Uint16Array],
  ['int32', Int32Array],
  ['uint32', Uint32Array],
  ['int64', BigInt64Array],
  ['uint64', BigUint64Array],
  ['float32', Float32Array],
  ['float64', Float64Array],
]);

interface TypedArrayClass {
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): ArrayBufferView;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
}

/** What is wrong with an array as it is now: whoever has it may have changed it, or its buffer. */
export function ndarrayProblem({ dtype, shape, order, data }: Required<NdArrayParts>): NdArrayProblem | undefined {
  const itemBytes = bytesOf(dtype);
  if (itemBytes === undefined) {
    return { option: 'dtype', expected: 'a dtype of numpy, such as float64 or >i4', got: dtype };
  }
  if (!Array.isArray(shape) || !shape.every((length) => Number.isSafeInteger(length) && length >= 0)) {
    return { option: 'shape', expected: 'a list of lengths', got: shape };
  }
  // Where one is 0 numpy looks at the others all the same.
  const bytesMax = shape.reduce((product, length) => product * (length || 1), itemBytes);
  if (shape.length > DIMENSIONS_MAX || bytesMax > Number.MAX_SAFE_INTEGER) {
    return { option: 'shape', expected: `at most ${DIMENSIONS_MAX} lengths, of 2^53 bytes together`, got: shape };
  }
  if (order !== 'C' && order !== 'F') return { option: 'order', expected: "'C' or 'F'", got: order };
  const bytes = shape.includes(0) ? 0 : bytesMax;
  if (ArrayBuffer.isView(data) && data.byteLength === bytes) return undefined;
  const got = ArrayBuffer.isView(data) ? `${data.byteLength} bytes` : data;
  return { option: 'data', expected: `an array of ${bytes} bytes for the shape [${shape}]`, got };
}

function bytesOf(dtype: unknown): number | undefined {
  const named = NAMED_BYTES.get(dtype);
  if (named !== undefined || typeof dtype !== 'string') return named;
  const [, kind, bytes] = DTYPE.exec(dtype) ?? [];
  if (kind === undefined) return undefined;
  const itemBytes = Number(bytes) * (kind === 'U' ? 4 : 1);
  return itemBytes > ITEM_BYTES_MAX ? undefined : itemBytes;
}

const ITEMS = new Map<unknown, TypedArrayClass>([
  ...TYPED_ARRAYS,
  ['float16', Float16Array ?? Uint16Array],
  ['complex64', Float32Array],
  ['complex128', Float64Array],
]);
const DTYPES = new Map<unknown, string>([
  ...[...TYPED_ARRAYS].map(([dtype, { name }]) => [name, dtype as string] as const),
  ['Float16Array', 'float16'],
]);
const NAMED_BYTES = new Map<unknown, number>([
  ...[...TYPED_ARRAYS].map(([dtype, { BYTES_PER_ELEMENT }]) => [dtype, BYTES_PER_ELEMENT] as const),
  ['bool', 1],
  ['float16', 2],
  ['complex64', 8],
  ['complex128', 16],
]);
const PARTS: ReadonlySet<string> = new Set<keyof NdArrayParts>(['dtype', 'shape', 'order', 'data']);
const OPTIONS: ReadonlySet<string> = new Set<keyof NdArrayParts>(['shape', 'order']);
/** As many as every numpy has. */
const DIMENSIONS_MAX = 32;
/** As large as an item of numpy's may be. */
const ITEM_BYTES_MAX = 2 ** 31 - 1;
/** What numpy writes as `dtype.str`: byte order, kind, bytes (characters of text), and the unit of a time. */
const DTYPE =
  /^[<>|](?=b1$|[iu][1248]$|f(?:2|4|8|16)$|c(?:8|16|32)$|[SUV]\d{1,10}$|[mM]8(?:\[\d{0,9}(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?$)([biufcSUVmM])(\d+)/;
