/**
 * `node smtp-sink.ts PORT CONTROL_PORT SAMPLE_EVERY`: takes every mail. GET /figures on the control port says what it took, and
 * begins anew; GET /sample gives each so-manieth message since.
 */
import { createServer } from 'node:http';
import { startSmtpSink } from '../../tests/support/smtp-sink.ts';

export type SinkFigures = {
  readonly accepted: number;
  readonly bytes: number;
  /** Times of acceptance, in ms, where they were asked for. */
  readonly times: readonly number[];
};
export type SinkSample = readonly { readonly to: string; readonly raw: string }[];

if (import.meta.main) {
  const [port = 0, controlPort = 0, sampleEvery = 1] = process.argv.slice(2).map(Number);
  const maxSample = 500;
  let accepted = 0;
  let bytes = 0;
  let sample: { to: string; raw: string }[] = [];
  let times: number[] = [];

  await startSmtpSink({
    port,
    onMessage(to, raw) {
      accepted += 1;
      bytes += raw.length;
      times.push(performance.now());
      if (accepted % sampleEvery === 0 && sample.length < maxSample) sample.push({ to, raw: raw.toString('base64') });
      return 'take';
    },
  });
  createServer((request, response) => {
    if (request.url === '/sample') {
      response.end(JSON.stringify(sample));
      return;
    }
    const figures: SinkFigures = { accepted, bytes, times: request.url === '/times' ? times : [] };
    response.end(JSON.stringify(figures));
    if (request.url !== '/figures') return;
    accepted = 0;
    bytes = 0;
    sample = [];
    times = [];
  }).listen(controlPort, '127.0.0.1');
}
