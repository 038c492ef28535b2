import { after, before, describe } from 'node:test';
import { createEventFixture, type EventFixture } from './testing/event-fixture.ts';
import { testEventsContract } from './testing/events-contract.ts';

describe('events over PostgreSQL', () => {
  let fixture: EventFixture;
  before(async () => {
    fixture = await createEventFixture();
  });
  after(() => fixture.close());
  testEventsContract(() => fixture);
});
