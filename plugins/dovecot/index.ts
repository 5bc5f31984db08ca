// Dovecot: who may not sign in to IMAP, POP3 and (through Dovecot's SASL) SMTP is told by deny files; tokens are
// checked by introspection at Schedar, which the kit sets up; live sessions are ended through doveadm.
import { AppError } from '../../src/domain/errors.ts'
import { definePlugin, type Host, type LoginSubject, type Service } from '../../src/plugin.ts'
import { mustBeHere } from '../../src/plugin-files.ts'
import { checkedKey, config, type DovecotConfig } from './config.ts'
import { type Denial, denyFiles } from './deny-files.ts'
import { type Answer, doveadm, NOBODY } from './doveadm.ts'
import { kit } from './kit.ts'
import { isLogin } from './login.ts'

/** Kicks in one request: about 24 kB. */
const KICKS = 500
/** A sign-in that Dovecot has been told of must still become a session before it can be kicked. */
const SIGN_IN_MS = 500

const service = ({ folder, host, doveadmUrl, doveadmApiKey, introspectionTimeoutMs }: DovecotConfig, { log }: Host) => {
  const files = denyFiles(folder, log)
  const admin = doveadm({ url: doveadmUrl, apiKey: checkedKey(doveadmApiKey) })

  async function kick(names: readonly string[], signal: AbortSignal): Promise<void> {
    const answers = await admin.run(
      names.map((name) => ['kick', { mask: [name] }] as const),
      signal,
    )
    const failed = answers.findIndex(({ exitCode, error }) => error !== undefined && exitCode !== NOBODY)
    if (failed >= 0) throw refused('kick', answers[failed])
  }

  return {
    async check(signal) {
      mustBeHere(host, folder)
      await files.check(signal)
      // `who` for a name that nobody can have: proves the key and reads nothing of anybody.
      const [answer] = await admin.run([['who', { mask: ['nobody@schedar.invalid'] }]], signal)
      if (answer?.error !== undefined) throw refused('who', answer)
    },
    list: (signal) => files.list(signal),
    observe: (names, signal) => files.observe(names, signal),
    render: ({ access }) => (access === 'none' ? { denied: true } : null),
    async apply(changes, signal) {
      mustBeHere(host, folder)
      await files.apply(changes, signal)
    },
    async endSessions(names, signal) {
      const logins = names.filter(isLogin) // a name that is no login has no session, and may be a mask for others'
      for (let from = 0; from < logins.length; from += KICKS) await kick(logins.slice(from, from + KICKS), signal)
    },
    endSessionsAgainAfterMs: introspectionTimeoutMs + SIGN_IN_MS,
    close: async () => undefined,
  } satisfies Service<LoginSubject, Denial>
}

const refused = (command: string, answer: Answer | undefined): AppError =>
  new AppError('service_unavailable', {
    detail: `doveadm refused "${command}": ${answer?.error ?? 'no answer'}, exit code ${answer?.exitCode ?? 0}`,
  })

export default definePlugin({
  summary: 'Dovecot: refuses the mail logins of those without access, checks tokens, ends live sessions.',
  manages: 'login',
  config,
  secrets: ['doveadmApiKey'],
  open: async (settings, host) => service(settings, host),
  client: () => ({
    redirectUris: [],
    postLogoutRedirectUris: [],
    tokenEndpointAuthMethod: 'client_secret_post', // 2.3 sends the secret in the body; 2.4 by Basic, accepted as well
    service: 'mail',
    introspectsScope: 'mail',
  }),
  kit,
})
