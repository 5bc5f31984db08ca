// Logins at Dovecot: who is refused (deny files), with which app passwords one signs in and to which mailbox (lines), and
// live sessions, which are ended through doveadm.
import { join } from 'node:path'
import { AppError } from '../../src/domain/errors.ts'
import type { Host, LoginSubject, Name, Service } from '../../src/plugin.ts'
import { locked, mustBeHere } from '../../src/plugin-files.ts'
import { checkedKey, type DovecotConfig } from './config.ts'
import { denyFiles } from './deny-files.ts'
import { type Answer, doveadm, NOBODY } from './doveadm.ts'
import { homeOf, isHome, isLogin, notLogins } from './login.ts'
import { isCheck, type LoginLines, loginCodec, passwordsOf } from './login-rows.ts'
import { prove } from './prove.ts'
import { shards } from './shards.ts'

/** All that Dovecot holds of a login. One that holds nothing has no row. */
export type LoginRow = LoginLines & { readonly denied?: true }

/** Kicks in one request: about 24 kB. */
const KICKS = 500
/** A sign-in that Dovecot has been told of must still become a session before it can be kicked. */
const SIGN_IN_MS = 500

const refused = (command: string, answer: Answer | undefined): AppError =>
  new AppError('service_unavailable', {
    detail: `doveadm refused "${command}": ${answer?.error ?? 'no answer'}, exit code ${answer?.exitCode ?? 0}`,
  })

/** A login's row: nothing but its denial, or all that lets it in. What it may send is the mail server's to know. */
function loginRow(subject: LoginSubject, mailHome: string | undefined): LoginRow | null {
  if (subject.access === 'none') return { denied: true }
  const passwords = passwordsOf(subject.passwords)
  const home = mailHome !== undefined && subject.mailbox !== '' && homeOf(mailHome, subject.mailbox)
  const row: LoginRow = {
    ...(home && { home }),
    ...(home && subject.quotaBytes !== null && { quotaBytes: subject.quotaBytes }),
    ...(Object.keys(passwords).length > 0 && { passwords }),
    ...(subject.former && { former: true as const }),
  }
  return Object.keys(row).length > 0 ? row : null
}

const canBeTold = (name: Name, row: LoginRow | null): boolean =>
  isLogin(name) && !isCheck(name) && (row?.home === undefined || isHome(row.home))

/** Whether lines may be missing: where an administrator's own stands in the way of one, it does what ours would. */
const isMissing = (error: unknown): boolean =>
  error !== undefined && !(error instanceof AppError && error.code === 'invalid_value')

const linesOf = (row: LoginRow | null): LoginLines | null => {
  if (row === null) return null
  const { denied: _denied, ...lines } = row
  return Object.keys(lines).length > 0 ? lines : null
}

export function loginService(config: DovecotConfig, { log }: Host): Service<LoginSubject, LoginRow> {
  const { folder, host, mailHome } = config
  const denials = denyFiles(folder, log)
  const lines = shards(join(folder, 'logins'), loginCodec)
  const admin = doveadm({ url: config.doveadmUrl, apiKey: checkedKey(config.doveadmApiKey) })

  const inFolder = async (signal: AbortSignal, work: () => Promise<void>): Promise<void> => {
    await denials.ready()
    await locked(join(folder, 'lock'), signal, async () => {
      await lines.ready()
      await work()
    })
  }

  /** `who` for a name that nobody can have: proves the key and reads nothing of anybody. */
  async function reach(signal: AbortSignal): Promise<void> {
    const [answer] = await admin.run([['who', { mask: ['nobody@schedar.invalid'] }]], signal)
    if (answer?.error !== undefined) throw refused('who', answer)
  }

  async function kick(names: readonly string[], signal: AbortSignal): Promise<void> {
    const answers = await admin.run(
      names.map((name) => ['kick', { mask: [name] }] as const),
      signal,
    )
    const failed = answers.findIndex(({ exitCode, error }) => error !== undefined && exitCode !== NOBODY)
    if (failed >= 0) throw refused('kick', answers[failed])
  }

  /**
   * Denials first and their lifting last: whatever the moment of a kill or a power cut, nobody is let in who should be out.
   * A denial is lifted only once the lines are what they should be.
   */
  async function write(changes: ReadonlyMap<Name, LoginRow | null>, signal: AbortSignal): Promise<Map<Name, unknown>> {
    const names = [...changes.keys()]
    const closing = await denials.deny(
      names.filter((name) => changes.get(name)?.denied),
      signal,
    )
    const written = await lines.change(new Map([...changes].map(([name, row]) => [name, linesOf(row)])), signal)
    const opening = await denials.allow(
      names.filter((name) => !changes.get(name)?.denied && !isMissing(written.get(name))),
      signal,
    )
    return new Map([...written, ...opening, ...closing])
  }

  return {
    async check(signal) {
      mustBeHere(host, folder)
      await denials.ready()
      const homes = mailHome !== undefined
      await prove({ folder, denials, lines, admin, imapUrl: config.imapUrl, homes, reach, inFolder }, signal)
    },

    async *list(signal) {
      const told = new Set<Name>()
      for (const names of [denials.list(signal), lines.list(signal)])
        for await (const name of names) {
          if (!told.has(name) && !isCheck(name)) yield name
          told.add(name)
        }
    },

    async observe(names, signal) {
      const [denied, held] = await Promise.all([denials.observe(names, signal), lines.observe(names, signal)])
      const rows = names.map((name): [Name, LoginRow] => [
        name,
        { ...(denied.has(name) && { denied: true as const }), ...held.get(name) },
      ])
      return new Map(rows.filter(([, row]) => Object.keys(row).length > 0))
    },

    render: (subject) => loginRow(subject, mailHome),

    async apply(changes, signal) {
      mustBeHere(host, folder)
      signal.throwIfAborted()
      const usable = new Map([...changes].filter(([name, row]) => canBeTold(name, row)))
      let failed = new Map<Name, unknown>()
      if (usable.size > 0)
        await inFolder(signal, async () => {
          failed = await write(usable, signal)
        })
      // After the others: one name must not keep a batch of suspensions from being applied.
      for (const error of failed.values()) throw error
      const left = [...changes.keys()].filter((name) => !usable.has(name))
      if (left.length > 0) throw notLogins(left)
    },

    async endSessions(names, signal) {
      const logins = names.filter(isLogin) // a name that is no login has no session, and may be a mask for others'
      for (let from = 0; from < logins.length; from += KICKS) await kick(logins.slice(from, from + KICKS), signal)
    },
    endSessionsAgainAfterMs: config.introspectionTimeoutMs + SIGN_IN_MS,
    close: async () => undefined,
  }
}
