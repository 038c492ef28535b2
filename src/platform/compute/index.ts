export { type Compute, type ComputeOptions, createCompute, type RunOptions } from './compute.ts';
