// Written by `pythonarium types models.py`: change the Python and run it again.
import type { NdArray, TypedArray } from 'pythonarium' with { 'resolution-mode': 'import' };

export function dataset(name: "breast_cancer" | "diabetes" | "digits" | "iris" | "wine"): Promise<Dataset>;

/** A model under that name, in place of any other; fit, if there is data. */
export function put(
  name: string,
  recipe: Recipe,
  features?: NdArray | null | TypedArray,
  target?: NdArray | null | TypedArray,
): Promise<null>;

export function fit(name: string, features: NdArray | TypedArray, target: NdArray | TypedArray): Promise<null>;

export function predict(name: string, features: NdArray | TypedArray): Promise<NdArray>;

/** A row for each row of the features, a column for each class, in the order of their labels. */
export function probabilities(name: string, features: NdArray | TypedArray): Promise<NdArray>;

/** Accuracy of a classifier, R² of a regressor. */
export function score(name: string, features: NdArray | TypedArray, target: NdArray | TypedArray): Promise<number>;

export function list(): Promise<string[]>;

declare function delete_(name: string): Promise<boolean>;

/** The score on each fold of a model that was fit to the others. It needs no session. */
export function cross_validate(
  recipe: Recipe,
  features: NdArray | TypedArray,
  target: NdArray | TypedArray,
  folds: number,
): Promise<NdArray>;

export { delete_ as delete };

export interface Dataset {
  features: NdArray;
  target: NdArray;
  feature_names: string[];
  /** What the numbers of the target stand for; none where it is a quantity. */
  classes: string[] | null;
}

/** What a model is before it has seen any data. */
export interface Recipe {
  estimator: "KNeighborsClassifier" | "LogisticRegression" | "RandomForestClassifier" | "RandomForestRegressor" | "Ridge";
  /** Of the estimator's constructor. */
  params?: { [key: string]: unknown };
  /** Whether features are brought to mean 0 and variance 1 first. */
  scale?: boolean;
}

export {};
