import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { AppError } from '#shared/errors';
import { summariseError } from './error-summary.ts';

function answer(code: string, message: string, fields: Partial<pg.DatabaseError> = {}): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(message, message.length, 'error'), { code, ...fields });
}

describe('the summary of a failure', () => {
  const secret = 'hunter2@example.org';
  const leaking = [
    answer('22P02', `invalid input syntax for type integer: "${secret}"`),
    answer('22P02', `invalid input syntax for type integer: "a "${secret}" b"`),
    answer('23505', 'duplicate key value violates unique constraint "subscribers_email_key"', {
      detail: `Key (email)=(${secret}) already exists.`,
      table: 'subscribers',
      constraint: 'subscribers_email_key',
    }),
    answer('P0001', `no mail for ${secret}`, { where: `PL/pgSQL function check_mail(${secret})` }),
    answer('XX000', `cache lookup failed for ${secret}`),
    new TypeError(`cannot convert ${secret}`),
    new Error(`something about ${secret}`),
  ];

  for (const error of leaking) {
    test(`tells no value: ${'code' in error ? error.code : error.name}`, () => {
      assert.doesNotMatch(JSON.stringify(summariseError(error)), /hunter2/);
    });
  }

  test('names the place that the server names', () => {
    const violation = answer('23505', 'duplicate key', { table: 'subscribers', constraint: 'subscribers_email_key' });
    assert.deepEqual(summariseError(violation), {
      code: '23505',
      message: 'unique violation (table subscribers, constraint subscribers_email_key)',
    });
  });

  test('keeps messages that are about the statement, the server or the network', () => {
    assert.equal(
      summariseError(answer('57014', 'canceling statement due to statement timeout')).message,
      'canceling statement due to statement timeout',
    );
    assert.equal(summariseError(answer('42703', 'column "nme" does not exist')).message, 'column "nme" does not exist');
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });
    assert.deepEqual(summariseError(refused), { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:5432' });
  });

  test('looks behind an error that was translated', () => {
    const cause = answer('22003', 'value "99999999999" is out of range for type integer');
    assert.deepEqual(summariseError(new AppError('database_unavailable', 'x', { cause })), {
      code: '22003',
      message: 'number out of range',
    });
  });
});
