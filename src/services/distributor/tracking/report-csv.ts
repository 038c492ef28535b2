import type { IssueLink } from '../distributor-types.ts';
import type { Figure } from './figure-store.ts';

/** What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection"). */
const formulaStart = /^[=+\-@\t\r\n]/;

function cell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const inert = formulaStart.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/** RFC 4180. One line a figure: what it is of, which one, of what, how many. Links stand with their number and their address. */
export function reportCsv(figures: readonly Figure[], links: readonly IssueLink[]): string {
  const lines = figures
    .map(({ slice, key, metric, count }) => ({
      slice,
      key,
      address: slice === 'link' ? (links[Number(key)]?.url ?? '') : '',
      metric,
      count,
    }))
    .sort(
      (a, b) => a.slice.localeCompare(b.slice) || a.key.localeCompare(b.key, 'en', { numeric: true }) || a.metric.localeCompare(b.metric),
    );
  const rows = lines.map(({ slice, key, address, metric, count }) => [slice, key, address, metric, count].map(cell).join(','));
  return `${['slice,key,address,metric,count', ...rows].join('\r\n')}\r\n`;
}
