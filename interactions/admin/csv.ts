// Comma-separated values (RFC 4180), for spreadsheets that take a cell beginning with = + - @ for a formula and run it.

const dangerous = /^[=+\-@\t\r\n]/

/** One cell, quoted; what a spreadsheet would run gets an apostrophe in front. */
const cell = (text: string): string => `"${(dangerous.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`

/** Lines of cells, each with its end of line. */
export const csvOf = (rows: readonly (readonly string[])[]): string =>
  rows.map((cells) => `${cells.map(cell).join(',')}\r\n`).join('')
