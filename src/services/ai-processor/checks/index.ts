export { type CheckInput, type CheckName, checkWeights, type Section } from './check-types.ts';
export { type Checker, createChecker } from './checker.ts';
