// What of an audit entry's details a person wants to read, in words. The rows were written by many versions of this
// program, and are never changed: a detail of an unexpected shape is left out here and stands in the data alone.
import { affiliationRoles } from '../../src/domain/access.ts'
import { appPasswordScopes } from '../../src/domain/app-passwords.ts'
import { memberEvents, standings } from '../../src/domain/standing.ts'
import { isCivilDate } from '../../src/domain/time.ts'
import { type AuditRow, paymentSources, staffRoles } from '../../src/ports.ts'
import type { TextKey, Texts } from '../../src/web/texts.ts'
import { burstWords } from '../burst-words.ts'
import type { Names } from './audit-names.ts'
import { sourceName, written } from './dues-parts.ts'
import { eventKeys, languageOptions, roleName, staffRoleKeys } from './states.ts'

type Said = string | undefined
type Word = (value: string) => string
const same: Word = (value) => value
/** A word for each of a closed set; anything else stays as it is. */
const wordOf =
  <T extends string>(known: readonly T[], word: (one: T) => string): Word =>
  (value) => {
    const one = known.find((each) => each === value)
    return one === undefined ? value : word(one)
  }

const LONGEST = 300
const textIn = (value: unknown): Said => {
  if (typeof value !== 'string' || value.trim() === '') return undefined
  return value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value
}
const strings = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
/** One text or several, each once. */
const listed = (value: unknown, word: Word = same): Said => textIn([...new Set(strings(value).map(word))].join(', '))
const countIn = (value: unknown): number | undefined => (Array.isArray(value) ? value.length : undefined)
const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? new Map(Object.entries(value)).get(name) : undefined

const changeWords: Record<string, TextKey> = {
  name: 'admin.name',
  email: 'admin.email',
  locale: 'admin.language',
  'covered until': 'admin.covered_until',
}

/** How values of each kind are said in one language. */
function speaker({ t, day, money }: Texts, names: Names) {
  const put = (key: TextKey, name: string, said: Said): Said =>
    said === undefined ? undefined : t(key, { [name]: said })
  return {
    quoted: (value: unknown) => put('admin.audit.quoted', 'text', textIn(value)),
    named: (kind: string, value: unknown) => listed(value, (id) => names(kind, id)),
    amount: (value: unknown): Said => (Number.isSafeInteger(value) ? money(Number(value)) : undefined),
    dayed: (key: TextKey, value: unknown) =>
      put(key, 'day', typeof value === 'string' && isCivilDate(value) ? day(value) : undefined),
    counted: (key: TextKey, value: unknown) =>
      put(key, 'count', Number.isSafeInteger(value) ? String(value) : undefined),
    put,
    /** From one to the other; where there was nothing before, the other alone. */
    pair: (from: Said, to: Said): Said => (from === undefined ? to : `${from} → ${to ?? '—'}`),
  }
}

type Speaker = ReturnType<typeof speaker>

/** What something was and is now: standings, owners, tariffs, roles, groups. */
function passage(texts: Texts, { named, pair }: Speaker, { action, payload }: AuditRow): Said {
  const { from, to, before, after, role } = payload
  const staffRole = wordOf(staffRoles, (one) => texts.t(staffRoleKeys[one]))
  const affiliationRole = wordOf(affiliationRoles, (one) => roleName(texts, one))
  const standing = wordOf(standings, (one) => texts.t(`standing.${one}`))
  switch (action) {
    case 'standing.changed':
      return pair(listed(from, standing), listed(to, standing))
    case 'affiliation.ownership_handed_over':
      return pair(named('account', from), named('account', to))
    case 'term.tariff_changed':
      return pair(textIn(from), textIn(to))
    case 'account.staff_roles_set':
      return pair(listed(before, staffRole), listed(after, staffRole))
    case 'account.groups_set':
      return pair(listed(before), listed(after))
    case 'account.added':
      return listed(payload.staffRoles, staffRole)
    case 'client.role_set':
    case 'client.role_removed':
      // A client's roles are words of its own.
      return textIn(role)
    default:
      return role === undefined ? undefined : pair(listed(before, affiliationRole), listed(role, affiliationRole))
  }
}

/** What was changed of a member, by hand or by an import. */
function changes({ t }: Texts, { pair }: Speaker, { action, payload }: AuditRow): Said[] {
  const language = (value: string): string => languageOptions.find(([locale]) => locale === value)?.[1] ?? value
  const changed = (value: unknown, word: Word = same): Said =>
    pair(listed(fieldOf(value, 'before'), word), listed(fieldOf(value, 'after'), word))
  const different: Word = (one) =>
    Object.hasOwn(changeWords, one) ? t(changeWords[one]!) : wordOf(memberEvents, (kind) => t(eventKeys[kind]))(one)
  if (action !== 'member.changed') return [listed(payload.differences, different)]
  return [changed(payload.name), changed(payload.email), changed(payload.locale, language)]
}

/** To whom a client's role was given. */
function receiver({ t }: Texts, { named }: Speaker, { action, payload: { to } }: AuditRow): Said {
  if (action !== 'client.role_set' && action !== 'client.role_removed') return undefined
  const [, kind, subject = ''] = /^(account|group):(.+)$/s.exec(textIn(to) ?? '') ?? []
  return kind === 'group' ? t('admin.clients.group', { name: subject }) : kind && named(kind, subject)
}

const byKeys: Record<string, TextKey> = { link: 'admin.audit.by_link', invitation: 'admin.audit.by_invitation' }
const effectKeys: Record<string, TextKey> = { deny: 'admin.override.deny', allow: 'admin.override.allow' }

/** In the order of reading: about whom, what, how much, when, why. */
export function detailsOf(texts: Texts, names: Names, row: AuditRow): string[] {
  const { t } = texts
  const speak = speaker(texts, names)
  const { quoted, named, amount, dayed, counted, pair, put } = speak
  const { action, subjectKind, payload } = row
  const keyed = (keys: Record<string, TextKey>, value: unknown): Said =>
    typeof value === 'string' && Object.hasOwn(keys, value) ? t(keys[value]!) : undefined
  const said: Said[] = [
    named('member', payload.memberId),
    put('admin.audit.payer', 'name', named('member', payload.payerId)),
    named('client', payload.clientId),
    receiver(texts, speak, row),
    passage(texts, speak, row),
    ...changes(texts, speak, row),
    action === 'member.changed' ? undefined : textIn(payload.email),
    // Otherwise it is the name of what the entry is about.
    action.startsWith('app_password.') ? quoted(payload.name) : undefined,
    action.startsWith('app_password.')
      ? listed(
          payload.scopes,
          wordOf(appPasswordScopes, (one) => t(`app_passwords.${one}`)),
        )
      : undefined,
    named('client', payload.clients),
    listed(payload.logins),
    textIn(payload.login),
    textIn(payload.mailbox),
    textIn(payload.url),
    action === 'member.dues_set' && payload.tariff === null
      ? t('admin.dues.no_tariff')
      : put('admin.audit.tariff', 'name', textIn(payload.tariff)),
    textIn(payload.iban),
    pair(amount(payload.beforeCents), amount(payload.afterCents)),
    amount(payload.amountCents),
    amount(payload.dueCents),
    amount(payload.cents),
    Number.isSafeInteger(payload.creditCents) && payload.creditCents !== 0
      ? put('admin.audit.credit', 'amount', amount(payload.creditCents))
      : undefined,
    listed(
      payload.source,
      wordOf(paymentSources, (one) => sourceName(texts, one)),
    ),
    listed(payload.ogm, written),
    subjectKind === 'bank_file' || action === 'backup.restored'
      ? counted('admin.audit.lines', payload.lines ?? payload.rows)
      : undefined,
    counted('admin.audit.changes', payload.changes),
    counted('admin.audit.suspensions', countIn(payload.overrides)),
    Array.isArray(payload.services)
      ? named(
          'service',
          payload.services.map((one) => strings(one)[0]),
        )
      : undefined,
    keyed(effectKeys, payload.effect),
    keyed(byKeys, payload.by),
    dayed('admin.audit.on_day', payload.on),
    dayed('admin.audit.on_day', payload.valueOn),
    dayed('admin.audit.pay_by', payload.dueOn),
    ...[payload.effectiveOn, payload.fromOn, payload.startOn, payload.validFromOn].map((on) =>
      dayed('admin.audit.from_day', on),
    ),
    ...[payload.endsOn, payload.untilOn, payload.lastOn, payload.coveredUntilOn].map((on) =>
      dayed('standing.until', on),
    ),
    quoted(payload.decisionRef),
    quoted(payload.associationName),
    quoted(payload.note),
    quoted(action === 'login.quarantined' ? burstWords(texts, textIn(payload.detail) ?? '') : payload.reason),
  ]
  return said.filter((one) => one !== undefined)
}
