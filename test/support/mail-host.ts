// The mail of a program that runs: a private Dovecot and a private Postfix, registered, named in schedar.yaml and served.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Dovecot, startDovecot } from './dovecot.ts'
import { type Postfix, startPostfix } from './postfix.ts'
import type { Program } from './program.ts'

export type MailHost = {
  dovecot: Dovecot
  postfix: Postfix
  /** What schedar.yaml names, for a second instance. */
  services: Record<string, Record<string, unknown>>
  /** What is in Postfix's queue: `hold`, `deferred` …, by queue id. */
  queue(): Promise<Map<string, string>>
  remove(): Promise<void>
}

/** `mail` is the plugin's own configuration. The program is started anew with these services, and `others` beside them. */
export async function startMailHost(
  program: Program,
  mail: Record<string, unknown> = {},
  others: MailHost['services'] = {},
): Promise<MailHost> {
  const made = await program.json<{ client_id: string; client_secret: string }>(
    ...['client', 'add', '--kind', 'dovecot', '--url', 'https://imap.mail.example', '--name', 'Le courrier'],
  )
  const dovecot = await startDovecot({
    homes: true,
    logins: [],
    provider: { issuer: program.issuer, client: { clientId: made.client_id, clientSecret: made.client_secret } },
    former: 'listed',
    policy: true,
  })
  const postfix = await startPostfix({ dovecot, config: mail }).catch(async (error: unknown) => {
    await dovecot.remove()
    throw error
  })
  const { doveadmApiKey, policyKey, ...settings } = dovecot.config
  const secret = (name: string, value = '') => {
    writeFileSync(join(program.folder, name), value, { mode: 0o600 })
    return `file:${join(program.folder, name)}`
  }
  writeFileSync(join(program.folder, 'ca.pem'), postfix.ca)
  const services = {
    ...others,
    mailboxes: {
      plugin: 'dovecot',
      ...settings,
      doveadmApiKey: secret('doveadm-key', doveadmApiKey),
      policyKey: secret('policy-key', policyKey),
    },
    mail: { plugin: 'postfix', ...postfix.config },
    forms: {
      plugin: 'msmtp',
      server: '127.0.0.1',
      port: postfix.submissionsPort,
      folder: join(program.folder, 'msmtp'),
      caFile: join(program.folder, 'ca.pem'),
    },
  }
  program.configure({
    mailSetup: {
      imap: { host: 'imap.cassiopee.example' },
      smtp: { host: 'smtp.cassiopee.example' },
      pop3: { host: 'imap.cassiopee.example' },
    },
    services,
  })
  await program.stop()
  await program.serve()
  return {
    dovecot,
    postfix,
    services,
    async queue() {
      const lines = (await postfix.command('postqueue', '-j')).split('\n').filter(Boolean)
      const entries = lines.map((line): { queue_id: string; queue_name: string } => JSON.parse(line))
      return new Map(entries.map(({ queue_id, queue_name }) => [queue_id, queue_name]))
    },
    async remove() {
      await postfix.remove()
      await dovecot.remove()
    },
  }
}
