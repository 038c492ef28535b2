import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTransports } from './mail-transports.ts';

const faultsOf = (text: string) => parseTransports(text).faults;

test('one address without parameters is one transport without limits', () => {
  const { transports, faults } = parseTransports('smtps://user:pass@mail.example.com:465');
  assert.deepEqual(faults, []);
  assert.deepEqual(transports, [
    {
      name: 'default',
      url: 'smtps://user:pass@mail.example.com:465',
      weight: 1,
      domains: [],
      provider: undefined,
      configurationSet: undefined,
      maxConnections: undefined,
      isPipelining: true,
      rates: {},
      warmUp: undefined,
    },
  ]);
});

test('several addresses, apart by commas or spaces, each with its parameters', () => {
  const { transports, faults } = parseTransports(
    'smtp://a.example?name=ours&weight=3&connections=20&per-second=14&per-hour=5000&pipelining=off&warm-up=2026-12-01:50,100\n' +
      'smtp://u:p@email-smtp.example:587?name=ses&provider=ses&configuration-set=events&domains=gmail.com,*.bg&requireTLS=true, smtp://c.example',
  );
  assert.deepEqual(faults, []);
  const [ours, ses, third] = transports;
  assert.deepEqual([ours?.name, ours?.weight, ours?.maxConnections, ours?.isPipelining], ['ours', 3, 20, false]);
  assert.deepEqual(ours?.rates, { second: 14, hour: 5000 });
  assert.deepEqual(ours?.warmUp, { startsOn: '2026-12-01', days: [50, 100] });
  assert.equal(ours?.url, 'smtp://a.example');
  assert.deepEqual([ses?.provider, ses?.configurationSet, ses?.domains], ['ses', 'events', ['gmail.com', '*.bg']]);
  assert.equal(ses?.url, 'smtp://u:p@email-smtp.example:587?requireTLS=true', 'what is for the client stays');
  assert.equal(third?.name, 'transport-3');
});

test('each faulty item is one fault, with its transport, and no password is shown', () => {
  const faults = faultsOf(
    'smtp://u:hunter2@a.example?weight=0&speed=9&per-second=many, http://u:hunter2@b.example, smtp://u:hunter2@c.example?name=Big!&provider=gmail&warm-up=2026-13-01&weight=1&weight=2',
  );
  assert.deepEqual(
    faults.map((fault) => fault.replace(/ (is not accepted; give|is not known).*/, '')),
    [
      'SMTP_URL: transport 1: a.example: the parameter "speed"',
      'SMTP_URL: transport 1: a.example: per-second=many',
      'SMTP_URL: transport 1: a.example: weight=0',
      'SMTP_URL: transport 2: an address with http://',
      'SMTP_URL: transport 3: c.example: weight is given twice.',
      'SMTP_URL: transport 3: c.example: provider=gmail',
      'SMTP_URL: transport 3: c.example: name=Big!',
      'SMTP_URL: transport 3: c.example: warm-up=2026-13-01',
    ],
  );
  assert.ok(!faults.join().includes('hunter2'));
});

test('what is no address is told without being shown', () => {
  assert.deepEqual(faultsOf('mail.example.com'), ['SMTP_URL: the value given (not shown) is no address; give smtp://… or smtps://….']);
});

test('names are unique, and somebody takes what nobody claims', () => {
  assert.match(faultsOf('smtp://a?name=x smtp://b?name=x')[0] ?? '', /transport 2 has the name "x" of transport 1/);
  assert.match(faultsOf('smtp://a?domains=a.example smtp://b?domains=b.example')[0] ?? '', /leave domains out of one/);
  assert.match(faultsOf('smtp://a?configuration-set=x')[0] ?? '', /configuration-set is for provider=ses/);
});
