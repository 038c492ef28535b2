import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.join(import.meta.dirname, 'styles');
// In the order of the cascade.
const files = ['foundation.css', 'frame.css', 'lists.css', 'article.css', 'pages.css', 'print.css'];

export const stylesheet = files.map((file) => readFileSync(path.join(folder, file), 'utf8')).join('\n');

export const stylesheetHash = createHash('sha256').update(stylesheet).digest('hex').slice(0, 16);

/** Changes with the content, so that it may be cached for ever. */
export const stylesheetPath = `/assets/site-${stylesheetHash}.css`;

/** Ground of the foot of every page, as `--deep` in the style: the plants at its edge are drawn in it. */
export const deepColor = '#08261f';
