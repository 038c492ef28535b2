export { type CheckInput, checkWeights, type Quality } from './check-types.ts';
export { type Checker, createChecker } from './checker.ts';
