// Which column of a bank's CSV is what, kept under the bank's name: each bank writes its own.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { CsvMap } from '../statements/statement.ts'

const fields = [
  'booked',
  'value',
  'amount',
  'debit',
  'credit',
  'communication',
  'counterAccount',
  'counterName',
  'currency',
  'reference',
  'account',
  'separator',
  'encoding',
  'decimal',
  'dates',
] as const
/** Those that name no column. */
const closed: Record<string, readonly string[]> = {
  separator: [';', ',', '|', '\t'],
  encoding: ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'],
  decimal: [',', '.'],
  dates: ['dmy', 'mdy', 'ymd'],
}
const PREFIX = 'statement_map.'
const settingOf = (name: string): string => PREFIX + name

/** `booked=Date,amount=Montant,communication=Libellé+Détails` as a mapping. */
export function parseStatementMap(text: string): CsvMap {
  const map: Record<string, string> = {}
  for (const part of text.split(/,(?=\w+=)/)) {
    const [, field, column = ''] = /^\s*(\w+)=(.*)$/s.exec(part) ?? []
    if (!field || !fields.some((known) => known === field) || column.trim() === '')
      throw new AppError('invalid_value', {
        field: 'map',
        detail: `${part.trim().slice(0, 60)}: write field=column; the fields are ${fields.join(', ')}`,
      })
    map[field] = column
  }
  return statementMapOf(map)
}

/** A mapping of what a person wrote for each field; empty ones are left out, a `+` joins columns of the communication. */
export function statementMapOf(given: Readonly<Record<string, string>>): CsvMap {
  const map: Record<string, string | string[]> = {}
  for (const field of fields) {
    const column = given[field]?.trim() ?? ''
    if (column.length > 200)
      throw new AppError('invalid_value', { field, detail: `${field}: longer than 200 characters` })
    if (column !== '') map[field] = field === 'communication' ? column.split('+').map((one) => one.trim()) : column
  }
  if (!map.booked || !(map.amount || (map.debit && map.credit)))
    throw new AppError('invalid_value', {
      field: 'map',
      detail: 'name the columns booked, and amount or debit and credit',
    })
  for (const [field, known] of Object.entries(closed))
    if (map[field] !== undefined && !known.includes(String(map[field])))
      throw new AppError('invalid_value', { field, detail: `${field} is one of ${known.join(' ')}` })
  return map as CsvMap
}

export const saveStatementMap =
  (core: Core) =>
  async ({ name, map, actor }: { name: string; map: CsvMap; actor: Actor }): Promise<void> => {
    if (!/^[\p{L}\p{N} ._-]{1,40}$/u.test(name))
      throw new AppError('invalid_value', { field: 'name', detail: 'a mapping’s name has 1 to 40 letters or digits' })
    await core.store.transaction(async (stores) => {
      await stores.settings.set(settingOf(name), JSON.stringify(map))
      await audit(core, stores, {
        action: 'statement_map.saved',
        actor,
        subjectKind: 'statement_map',
        subjectId: name,
        payload: { map },
      })
    })
  }

/** The names under which mappings are saved. */
export const statementMapNames = async ({ store }: Pick<Core, 'store'>): Promise<string[]> =>
  (await store.settings.names(PREFIX)).map((name) => name.slice(PREFIX.length))

/** Throws `not_found` for a name under which none was saved. */
export async function savedStatementMap({ store }: Pick<Core, 'store'>, name: string): Promise<CsvMap> {
  const saved = await store.settings.get(settingOf(name))
  if (saved === undefined) throw new AppError('not_found', { field: 'map', detail: `no mapping is saved as ${name}` })
  return JSON.parse(saved) as CsvMap
}
