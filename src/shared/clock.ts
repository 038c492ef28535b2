import { v7 as uuidv7 } from 'uuid';

/** Time, ids and randomness come in through this, so that tests and simulations can set them. */
export type Clock = {
  readonly now: () => Date;
  /** A new UUIDv7: sorts by the time it was made. */
  readonly newId: () => string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
};

export const systemClock: Clock = {
  now: () => new Date(),
  newId: () => uuidv7(),
  random: Math.random,
};
