// The audit in words: what an act is called, what kind of thing it is about, and who did it when that is no person.
import { auditActions, isAuditAction } from '../../src/domain/audit-actions.ts'
import type { TextKey, Texts } from '../../src/web/texts.ts'

/** Of an act that is told no more, its code. */
export const actionName = ({ t }: Texts, action: string): string =>
  isAuditAction(action) ? t(`audit.${action}`) : action

/** Every code with its words. */
export const actionOptions = (texts: Texts): readonly (readonly [code: string, words: string])[] =>
  auditActions.map((action) => [action, actionName(texts, action)])

const kindKeys: Record<string, TextKey> = {
  account: 'admin.audit.kind.account',
  member: 'admin.audit.kind.member',
  client: 'admin.audit.kind.client',
  service: 'admin.audit.kind.service',
  override: 'admin.audit.kind.override',
  suspensions: 'admin.audit.kind.suspensions',
  site: 'admin.resource.site',
  mailbox: 'admin.resource.mailbox',
  alias: 'admin.resource.alias',
  login: 'admin.audit.kind.login',
  notice: 'admin.audit.kind.notice',
  bank_file: 'admin.audit.kind.bank_file',
  bank_line: 'admin.audit.kind.bank_line',
  tariff: 'admin.audit.kind.tariff',
  dues_rules: 'admin.audit.kind.dues_rules',
  organisation: 'admin.audit.kind.organisation',
  keys: 'admin.audit.kind.keys',
  statement_map: 'admin.audit.kind.statement_map',
  audit: 'admin.audit.kind.audit',
  database: 'admin.audit.kind.database',
}
export const kindName = ({ t }: Texts, kind: string): string =>
  Object.hasOwn(kindKeys, kind) ? t(kindKeys[kind]!) : kind

const actorKeys: Record<string, TextKey> = {
  clock: 'admin.audit.actor.clock',
  system: 'admin.audit.actor.system',
  directory: 'admin.audit.actor.directory',
  anybody: 'admin.audit.actor.anybody',
}
/** Who did it without an account, in words; undefined for a person. */
export function actorName({ t }: Texts, actor: string): string | undefined {
  if (Object.hasOwn(actorKeys, actor)) return t(actorKeys[actor]!)
  const name = /^cli:(.+)$/s.exec(actor)?.[1]
  return name === undefined ? undefined : t('admin.audit.actor.cli', { name })
}
