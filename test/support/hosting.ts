// The services of a host round a house, each a real server with its kit: a member's SPIP site, mail read through Dovecot,
// letters sent through Postfix into the members' own mailboxes, and a webmail that asks for tokens.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { loadPlugin } from '../../src/plugins.ts'
import type { NewClient } from '../../src/usecases/clients.ts'
import { addClient, kitOf } from '../../src/usecases/clients.ts'
import { type Dovecot, MAIL_UID, startDovecot } from './dovecot.ts'
import type { House } from './house.ts'
import { startPostfix } from './mail-exchanger.ts'
import { startSpip } from './spip.ts'

/** Nights that ran, at starts and since. */
const nights = (house: House): number => house.logged.filter((line) => line.includes('"nightly.done"')).length

/** Resolves when the night that a start makes up for is over: it would run beside the test's own. */
export const nightAfterStart = (house: House, before = 0): Promise<boolean> =>
  vi.waitUntil(() => nights(house) > before, { timeout: 30_000, interval: 20 })

/** Merges settings into schedar.yaml and starts the server again. */
async function reconfigure(house: House, change: Record<string, unknown>): Promise<void> {
  writeFileSync(house.file, stringify({ ...parse(readFileSync(house.file, 'utf8')), ...change }))
  await house.restart()
}

/** A SPIP site with the kit in it. */
export async function hostSpip(house: House, { name, site }: Pick<NewClient, 'name' | 'site'>) {
  const { core } = house.installation
  const spip = await startSpip()
  const plugin = await loadPlugin('spip')
  const { client } = await addClient(core)({
    kind: 'spip',
    name,
    url: spip.url,
    plugin,
    ...(site && { site }),
    actor: 'test',
  })
  await spip.installKit(await kitOf(core)(client, plugin, {}))
  return spip
}

/** Dovecot for these logins, and Postfix, which puts mail for the same addresses into their mailboxes. */
export async function hostMail(house: House, logins: readonly string[]) {
  const { client, clientSecret } = await addClient(house.installation.core)({
    kind: 'dovecot',
    name: 'Le courrier',
    url: 'https://imap.mail.example',
    plugin: await loadPlugin('dovecot'),
    actor: 'test',
  })
  const dovecot: Dovecot = await startDovecot({
    logins,
    provider: { issuer: house.issuer, client: { clientId: client.clientId, clientSecret } },
  })
  const postfix = await startPostfix({ addresses: logins, mailRoot: join(dovecot.dir, 'mail'), uid: MAIL_UID })
  const { doveadmApiKey, ...settings } = dovecot.config
  writeFileSync(join(house.folder, 'doveadm-key'), doveadmApiKey, { mode: 0o600 })
  await reconfigure(house, {
    mail: { url: postfix.url },
    services: { mail: { plugin: 'dovecot', ...settings, doveadmApiKey: 'file:doveadm-key' } },
  })
  return {
    dovecot,
    stop: async () => {
      await postfix.remove()
      await dovecot.remove()
    },
  }
}
