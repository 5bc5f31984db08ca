// What can be wrong with a bank's file, or worth a remark: a code each, what it is told with, and the English of the log and
// the command line. Pages say the same in the reader's language (`statement.…` of interactions/texts).
import { AppError } from '../domain/errors.ts'

const AGAIN = 'download the file again, and do not open it in an editor in between'
const CHOOSE = 'choose camt.053, CODA or CFONB 120 where the bank has you choose a format'

export const problems = {
  // ── Refused: the file ─────────────────────────────────────────────────────────────────────────────────────────────
  too_large: 'the file is larger than {{most}} MB; ask the bank for shorter periods',
  empty: 'the file is empty; download it again',
  excel: `this is an Excel file; ${CHOOSE}, or save it as CSV`,
  zip: 'this is a ZIP archive; unpack it and read the files in it one by one',
  web_page: 'this is a web page; sign in at the bank and download the statement again',
  other_format: `this is {{format}}, which is not read; ${CHOOSE}`,
  unknown_format: `this is neither camt.053, CODA nor CFONB 120; ${CHOOSE}, or, if it is CSV, say which column is what`,
  encoding_unknown: 'the encoding «{{encoding}}» is not known; save the file as UTF-8',
  not_utf8: 'a character is not UTF-8, though the file should be; download it again, and do not open it in between',
  not_encoding: 'the file is not the {{encoding}} that it should be; download it again',
  too_many_lines: 'more lines than a statement can have; ask the bank for shorter periods',
  cut_off: `the file ends before its record {{record}}; ${AGAIN}, whole`,
  // ── Refused: what any format may have ─────────────────────────────────────────────────────────────────────────────
  unbalanced:
    'the statement does not add up: {{before}} before and {{moved}} of entries are not {{after}} after; download it again, whole and unchanged',
  sum_large: 'the amounts are too large to be added exactly',
  no_balance_before: 'the statement has no balance before ({{record}}); download it again, for whole days',
  no_balance_after: 'the statement has no balance after it ({{record}}); download it again, for whole days',
  no_account: `the statement does not say of which account it is; ${AGAIN}`,
  other_account: 'this line is of another account than what stands before it or was given',
  no_date: `the movement has no date; ${AGAIN}`,
  date_digits: `«{{date}}» is no date (DDMMYY); ${AGAIN}`,
  amount_digits: `«{{amount}}» is no amount of whole cents; ${AGAIN}`,
  amount_decimals: '«{{amount}}» is no amount of at most two decimals with a currency; download the statement again',
  currency_unknown: '«{{currency}}» is no currency',
  record_unknown: `«{{record}}» is no record of {{format}}; ${AGAIN}`,
  record_order: `record {{record}} is out of order: a statement is {{order}}; ${AGAIN}`,
  record_alone: `record {{record}} does not go on with the record before it; ${AGAIN}`,
  // ── Refused: camt.053 ─────────────────────────────────────────────────────────────────────────────────────────────
  xml_broken: 'the XML is broken or cut off ({{what}}); download the file again',
  doctype: 'a document type (DOCTYPE) has no place in a statement; the file is not from a bank',
  xml_deep: 'elements nest deeper than {{most}}; this is no statement',
  xml_many: 'more elements than a statement can have; ask the bank for shorter periods',
  camt_052: 'this is camt.052, a report within the day; ask the bank for camt.053',
  camt_054: 'this is camt.054, a list of single credits and debits; ask the bank for camt.053',
  camt_other: 'this XML is no bank statement; ask the bank for camt.053',
  camt_empty: 'the file has no statement (Stmt) in it; download it again',
  camt_currencies: 'the balance before is in {{before}} and that after in {{after}}; ask the bank',
  camt_currency: 'an entry in {{currency}} cannot be added to a balance in {{balance}}; ask the bank',
  camt_amount: 'there is no amount (Amt) in {{element}}; download the statement again',
  camt_sign: 'CdtDbtInd says neither CRDT nor DBIT; download the statement again',
  camt_date: '{{element}} is no date that exists; download the statement again',
  // ── Refused: CODA and CFONB 120 ───────────────────────────────────────────────────────────────────────────────────
  cfonb_length: `this line has {{length}} characters, and CFONB 120 at most 120; ${AGAIN}`,
  cfonb_account: `bank, branch or account is not as the CFONB has it; ${AGAIN}`,
  coda_length: `this record has {{length}} bytes, and CODA has 128 in each; ${AGAIN}`,
  coda_frame: `a statement begins with record 0 and ends with 9; ${AGAIN}`,
  coda_version: 'this is version «{{version}}» of CODA; ask the bank for version 2',
  coda_structure: `«{{structure}}» is no structure of an account number; ${AGAIN}`,
  coda_sign: `the sign «{{sign}}» is neither 0 (credit) nor 1 (debit); ${AGAIN}`,
  coda_count: `«{{count}}» is no count of records; ${AGAIN}`,
  coda_records: `record 9 counts {{told}} records and the file has {{there}}; ${AGAIN}`,
  coda_sums: `record 9 tells of {{toldIn}} in and {{toldOut}} out, the file has {{in}} in and {{out}} out; ${AGAIN}`,
  // ── Refused: CSV ──────────────────────────────────────────────────────────────────────────────────────────────────
  map_date: 'the mapping does not say which column is the booking date (booked)',
  map_amount: 'the mapping does not say which column is the amount, or which are debit and credit',
  map_columns: 'no line has all columns of the mapping: {{columns}} is not there; mend the mapping',
  csv_broken: 'this line cannot be read as CSV ({{what}}); quotation marks must be in pairs',
  csv_narrow: 'this line has {{cells}} cells of {{width}}: it is cut off or broken in two',
  csv_wide: 'this line has {{cells}} cells, the header {{width}}: a separator in a text needs quotation marks',
  csv_long: 'the file has more than {{most}} lines; import it in parts',
  csv_decimal: 'the amounts do not show whether comma or point is the decimal mark; say so in the mapping',
  csv_amount: '«{{amount}}» is no amount of at most two decimals ({{column}})',
  csv_amount_none: 'this line has no amount',
  csv_amount_both: 'this line has both a debit and a credit',
  csv_date: '«{{date}}» is no date that exists ({{column}})',
  csv_date_none: 'this line has no booking date; leave out what is not booked yet',
  csv_account: 'nothing says of which account this line is; give the account',
  csv_empty: 'the file has no lines; export it again for a longer period',
  // ── Remarks ───────────────────────────────────────────────────────────────────────────────────────────────────────
  balance_unsigned: 'this balance does not say credit or debit: it is taken as credit',
  one_page: 'this is one page of a statement; read the files of the other pages too',
  status_none: '{{count}} × an entry without a status: taken as booked',
  not_booked: '{{count}} × an entry that is not booked yet ({{status}}): left out',
  batch_sum: 'the {{count}} payments of this sum do not add up to it: it is taken as one, without a payer',
  duplicate_marked: 'the bank marks this statement as a duplicate',
  separate_list:
    "this is a separate list (application {{application}}): the account's own statement may have it as one sum too",
  another_follows: 'the bank announces another file after this one',
  day_first: 'no date shows whether the day or the month comes first: the day is taken',
  no_balances: 'a CSV file has no balances: nothing shows whether it is whole',
} as const

export type Problem = keyof typeof problems
export const isProblem = (code: unknown): code is Problem => typeof code === 'string' && Object.hasOwn(problems, code)

type Names<Sentence extends string> = Sentence extends `${string}{{${infer Name}}}${infer Rest}`
  ? Name | Names<Rest>
  : never
/** What a code is told with: a value for each name in its sentence. */
export type Told<P extends Problem> = Record<Names<(typeof problems)[P]>, string | number>

const sentence = (code: Problem, told: Record<string, string | number>): string =>
  problems[code].replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(told[name]))

/** Something that a person should know of a file that was read; `line` is 0 if it is about the whole of it. */
export type Remark = { line: number; code: Problem; told: Record<string, string | number>; text: string }

export const remark = <P extends Problem>(line: number, code: P, told: Told<P>): Remark => ({
  line,
  code,
  told,
  text: sentence(code, told),
})

/**
 * `invalid_value` of the field `file`: on which line (0: the whole file), what is wrong, and what to do. Its parameters are
 * the code as `why`, the line, and what the code is told with.
 */
export const refuse = <P extends Problem>(line: number, code: P, told: Told<P>, cause?: unknown): AppError =>
  new AppError('invalid_value', {
    field: 'file',
    detail: line > 0 ? `line ${line}: ${sentence(code, told)}` : sentence(code, told),
    params: { ...told, ...(line > 0 && { line }), why: code },
    cause,
  })
