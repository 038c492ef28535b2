export { type SampleWeb, startSampleWeb } from './sample-web.ts';
