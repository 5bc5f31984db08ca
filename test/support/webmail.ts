// A whole Schedar with mail and a webmail, each a real server with its kit, and two people: one with a mailbox of her own, one
// with a shared mailbox and a login that is no address. And what an issuer, or a forger, would post to the webmail.
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { loadPlugin } from '../../src/plugins.ts'
import { addClient, kitOf } from '../../src/usecases/clients.ts'
import { openKey } from '../../src/usecases/keys.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { send } from './at-home.ts'
import { type Browser, createBrowser, linkOf, type Reply } from './browser-jar.ts'
import { type Dovecot, startDovecot } from './dovecot.ts'
import { type House, type Person, startHouse } from './house.ts'
import { type Claims, signJws } from './jws.ts'
import { type Postfix, startPostfix } from './postfix.ts'
import { follow } from './relying-party.ts'
import { startRoundcube } from './roundcube.ts'

export const ADA = 'ada.lambert@asso.example'
export const INFO = 'info@asso.example'
const BOB = 'bob.info@asso.example'

export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'
export const now = () => Math.floor(Date.now() / 1000)

/** Dovecot and Postfix, by their kits, in a house that is started again with them. */
async function addMail(house: House): Promise<{ dovecot: Dovecot; postfix: Postfix }> {
  const { client, clientSecret } = await addClient(house.installation.core)({
    kind: 'dovecot',
    name: 'Le courrier',
    url: 'https://mail.asso.example',
    plugin: await loadPlugin('dovecot'),
    actor: 'test',
  })
  const dovecot = await startDovecot({
    homes: true,
    logins: [],
    former: 'listed',
    provider: { issuer: house.issuer, client: { clientId: client.clientId, clientSecret } },
  })
  const postfix = await startPostfix({ dovecot })
  writeFileSync(join(house.folder, 'doveadm.key'), dovecot.config.doveadmApiKey, { mode: 0o600 })
  const services = {
    mailboxes: { plugin: 'dovecot', ...dovecot.config, doveadmApiKey: 'file:doveadm.key' },
    mail: { plugin: 'postfix', ...postfix.config },
  }
  writeFileSync(house.file, stringify({ ...parse(readFileSync(house.file, 'utf8')), services }))
  await house.restart()
  return { dovecot, postfix }
}

async function addMailbox({ installation: { core } }: House, name: string, { account, member }: Person, login: string) {
  const { id } = await addResource(core)({ memberId: member!.id, kind: 'mailbox', name, actor: 'test' })
  await addLogin(core)({ mailboxId: id, accountId: account.id, name: login, actor: 'test' })
}

/** A Roundcube that is a client of the house. */
async function addRoundcube({ installation: { core } }: House, dovecot: Dovecot, postfix: Postfix) {
  const plugin = await loadPlugin('roundcube')
  const ca_file = join(postfix.dir, 'ca.pem')
  writeFileSync(ca_file, postfix.ca)
  let clientId = ''
  const roundcube = await startRoundcube({
    kit: async (url) => {
      const { client } = await addClient(core)({ kind: 'roundcube', name: 'Le webmail', url, plugin, actor: 'test' })
      clientId = client.clientId
      return kitOf(core)(client, plugin, {
        imap: `127.0.0.1:${dovecot.imapPort}`,
        smtp: `ssl://localhost:${postfix.submissionsPort}`,
        ca_file,
      })
    },
  })
  return { roundcube, clientId, backchannel: plugin.client!(roundcube.url).backchannelLogoutUri! }
}

type Alg = 'ES256' | 'RS256'
export type Forging = { alg?: Alg; header?: Claims; key?: KeyObject; der?: boolean }

export async function startWebmail() {
  const house = await startHouse()
  const { dovecot, postfix } = await addMail(house)
  const ada = await house.person({ username: 'ada', coveredForDays: 30 })
  const bob = await house.person({ username: 'bob', coveredForDays: 30 })
  await addMailbox(house, ADA, ada, ADA)
  await addMailbox(house, INFO, bob, BOB)
  const { roundcube, clientId, backchannel } = await addRoundcube(house, dovecot, postfix)
  const front = `${roundcube.url}/`

  const keyOf = async (alg: Alg): Promise<{ kid: string; key: KeyObject }> => {
    const { core } = house.installation
    const found = (await core.store.keys.list()).find((key) => key.alg === alg && key.state === 'current')!
    return { kid: found.kid, key: createPrivateKey({ key: openKey(core, found) as JsonWebKey, format: 'jwk' }) }
  }
  /** The keys that Schedar signs with. */
  const signing = { ES256: await keyOf('ES256'), RS256: await keyOf('RS256') }

  return {
    house,
    dovecot,
    postfix,
    roundcube,
    clientId,
    backchannel,
    front,
    ada,
    bob,
    signing,
    /** Follows the button until an address that begins with `stopAt`. */
    begin: async (browser: Browser, stopAt = 'never:'): Promise<Reply> =>
      follow(browser, await browser.fetch(linkOf(await browser.open(front), /rcmloginoauth/)), stopAt),
    /** From the button to where it ends; with the password when it is asked for. */
    async signIn(browser: Browser, { account, password }: Person, stopAt = 'never:'): Promise<Reply> {
      const page = await this.begin(browser, stopAt)
      if (!page.text.includes('name="identifier"')) return page
      return send(house, browser, page, { identifier: account.username, password }, stopAt)
    },
    isIn: async (browser: Browser): Promise<boolean> =>
      (await browser.open(`${front}?_task=mail`)).text.includes('id="messagelist"'),
    sessionsOf: ({ account }: Person): number => roundcube.sessionsWith(account.id),
    logoutToken: (
      { account }: Person,
      changes: Claims = {},
      { alg = 'ES256', header, key, der }: Forging = {},
    ): string => {
      const claims = {
        iss: house.issuer,
        aud: clientId,
        sub: account.id,
        iat: now(),
        exp: now() + 120,
        jti: crypto.randomUUID(),
        events: { [LOGOUT_EVENT]: {} },
        ...changes,
      }
      const head = { alg, typ: 'logout+jwt', kid: signing[alg].kid, ...header }
      return signJws(head, claims, key ?? signing[alg].key, der ? { der } : {})
    },
    postLogout: (token: string): Promise<Reply> =>
      createBrowser().fetch(backchannel, { form: { logout_token: token } }),
    /** Stops everything; what PHP complained of in the plugin. */
    async stop(): Promise<string[]> {
      const complaints = (await roundcube.errors()).split('\n').filter((line) => /PHP .*schedar/.test(line))
      await roundcube.stop()
      await postfix.remove()
      await dovecot.remove()
      await house.stop()
      return complaints
    },
  }
}

export type Webmail = Awaited<ReturnType<typeof startWebmail>>
