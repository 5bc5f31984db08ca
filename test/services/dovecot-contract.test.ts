// What every plugin must do, against a real Dovecot: logins, and the mailboxes that mail is put in.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import plugin from '../../plugins/dovecot/index.ts'
import { fileOf } from '../../plugins/dovecot/shards.ts'
import { pluginContract } from '../contract/plugin.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { appPassword, given } from '../support/mail-password.ts'
import { idle, restored } from '../support/mail-sign-in.ts'
import { addressSubject, loginSubject, pluginHost } from '../support/subjects.ts'

const client = { clientId: 'dovecot', clientSecret: 'x'.repeat(40) }
/** No token is checked here. */
const provider = { issuer: 'http://127.0.0.1:9', client }
const names = ['amy', 'ben', 'cid', 'dot', 'eva'].map((name) => `${name}@asso.example`)
const FOREIGN = 'postmaster@asso.example'

/** Lines of the administrator's own, in files in which ours come and go. */
async function byHand(dovecot: Dovecot, part: string, line: string): Promise<() => Promise<unknown>> {
  const folder = join(dovecot.config.folder, part)
  const files = [...new Set([...names, FOREIGN].map(fileOf))]
  await mkdir(folder, { recursive: true })
  for (const file of files) await writeFile(join(folder, file), `# by hand\n${line}\n`)
  return () =>
    Promise.all(
      files.map(async (file) =>
        (await readFile(join(folder, file), 'utf8')).split('\n').filter((one) => one === '# by hand' || one === line),
      ),
    )
}

pluginContract('dovecot', async () => {
  const dovecot = await startDovecot({ homes: true, logins: names, provider })
  const denied = join(dovecot.config.folder, 'denied')
  await writeFile(join(denied, FOREIGN), `${FOREIGN}:\n`)
  await writeFile(join(denied, 'README'), 'Ours, says the administrator.\n')
  const lines = await byHand(dovecot, 'logins', `${FOREIGN}:::::/home/postmaster::`)
  const passwords = new Map(names.map((name) => [name, appPassword('imap', 'smtp')]))
  return {
    service: await plugin.open!(dovecot.config, pluginHost(dovecot.dir)),
    subjects: {
      some: names.map((name, at) =>
        loginSubject(name, {
          mailbox: at % 2 ? name : 'shared@asso.example',
          passwords: [given(passwords.get(name)!), given(appPassword('pop3'))],
          quotaBytes: at % 2 ? 5_000_000 : null,
          former: at % 3 === 0,
        }),
      ),
      foreign: [FOREIGN],
    },
    untouched: async () => [
      await lines(),
      await Promise.all(['README', FOREIGN].map((name) => readFile(join(denied, name), 'utf8'))),
    ],
    async live({ name }) {
      const { secret } = passwords.get(name)!
      await restored(dovecot, 'PLAIN', name, secret)
      const session = await idle(dovecot, 'PLAIN', name, secret)
      return { ended: session.bye(), close: session.close }
    },
    close: () => dovecot.remove(),
  }
})

pluginContract('dovecot.mailboxes', async () => {
  const dovecot = await startDovecot({ homes: true, logins: [], provider })
  return {
    service: await plugin.parts!.mailboxes!.open(dovecot.config, pluginHost(dovecot.dir)),
    subjects: {
      some: names.map((name, at) =>
        addressSubject(name, { delivery: { mailbox: { quotaBytes: at % 2 ? null : 1_000_000 } } }),
      ),
      foreign: [FOREIGN],
    },
    // The mail of the refused goes on being delivered.
    sameForAll: true,
    untouched: await byHand(dovecot, 'mailboxes', `lmtp/${FOREIGN}:::::/home/postmaster::`),
    close: () => dovecot.remove(),
  }
})
