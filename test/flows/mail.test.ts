// A person's mail page: mailboxes and servers to copy, a password for a phone, the profile, what mail programs ask by
// themselves, and what became of a message. Nothing of anybody else's.
import { SaxesParser } from 'saxes'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyAppPassword } from '../../src/usecases/app-passwords.ts'
import { setMailbox } from '../../src/usecases/mailboxes.ts'
import { quarantineLogin } from '../../src/usecases/quarantine.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { browserOf, open, rawGet, read, send, titleOf } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { sentMessage } from '../support/outgoing.ts'

const MAIL = '/account/mail'
const SHARED = 'info@velo.example'
const mailSetup = {
  imap: { host: 'imap.cassiopee.example' },
  smtp: { host: 'smtp.cassiopee.example', port: 587, security: 'starttls' },
}

let house: House
let ada: Person
let bob: Person
let adas: Browser
let bobs: Browser
const core = () => house.installation.core

async function mailbox(person: Person, name: string, ...more: [Person, string][]): Promise<string> {
  const made = await addResource(core())({ memberId: person.member!.id, kind: 'mailbox', name, actor: 'test' })
  await addLogin(core())({ mailboxId: made.id, accountId: person.account.id, actor: 'test' })
  for (const [other, login] of more)
    await addLogin(core())({ mailboxId: made.id, accountId: other.account.id, name: login, actor: 'test' })
  return made.id
}

beforeAll(async () => {
  house = await startHouse({ config: { mailSetup } })
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  bob = await house.person({ username: 'bob', coveredForDays: 30 })
  const id = await mailbox(ada, 'ada@ada.example')
  await setMailbox(core())({ resourceId: id, quotaBytes: 2.5 * 1024 ** 3, actor: 'test' })
  await mailbox(ada, SHARED, [bob, 'bob.info@velo.example'])
  await addResource(core())({
    memberId: ada.member!.id,
    kind: 'alias',
    name: 'contact@alias.example',
    targets: [SHARED],
    actor: 'test',
  })
  adas = await browserOf(house, ada)
  bobs = await browserOf(house, bob)
})
afterAll(() => house.stop())

const secretOn = ({ text }: Reply): string => /<input id="secret"[^>]* value="([^"]*)"/.exec(text)?.[1] ?? ''
const profileOf = (login: string) => `${house.issuer}${MAIL}/${encodeURIComponent(login)}/profile.mobileconfig`

describe('my mail', () => {
  test('is a link at home, and shows mailboxes, logins, room, servers and steps', async () => {
    const page = await open(house, adas, linkOf(await open(house, adas, '/'), /account\/mail"/))
    expect(titleOf(page)).toBe('Mon courrier')
    const text = read(page)
    expect(text).toMatch(/ada@ada\.example Ouvert .*Place : 2,5 Go au plus/)
    expect(text).toContain(`Nom de connexion : ${SHARED}`)
    expect(text).toMatch(/Recevoir \(IMAP\) Serveur imap\.cassiopee\.example Port 993 Sécurité SSL\/TLS/)
    expect(text).toMatch(/Envoyer \(SMTP\) Serveur smtp\.cassiopee\.example Port 587 Sécurité STARTTLS/)
    expect(text).toMatch(/iPhone et iPad .* Thunderbird/)
    expect(text).not.toContain('bob')
    expect(text).not.toContain('POP3')
  })

  test('a login of one’s own into a shared mailbox is what one is told', async () => {
    const text = read(await open(house, bobs, MAIL))
    expect(text).toContain(`${SHARED}`)
    expect(text).toContain('Nom de connexion : bob.info@velo.example')
    expect(text).not.toContain('ada@ada.example')
    expect(text).not.toContain(`Nom de connexion : ${SHARED}`)
  })

  test('lapsed one reads and does not send; stopped one is told whom to ask', async () => {
    const late = await house.person({ username: 'late', coveredForDays: -60 })
    await mailbox(late, 'late@late.example')
    expect(read(await open(house, await browserOf(house, late), MAIL))).toContain('Vous pouvez lire, pas envoyer')
    const loud = await house.person({ username: 'loud', coveredForDays: 30 })
    await mailbox(loud, 'loud@loud.example')
    await quarantineLogin(core())({ login: 'loud@loud.example', detail: 'secret of the staff', actor: 'test' })
    const stopped = read(await open(house, await browserOf(house, loud), MAIL))
    expect(stopped).toMatch(/Envoi arrêté .*bureau@cassiopee\.example/)
    expect(stopped).not.toContain('secret of the staff')
  })

  test('without a mailbox there is nothing to set up', async () => {
    const none = await house.person({ username: 'none', coveredForDays: 30 })
    const browser = await browserOf(house, none)
    expect(read(await open(house, browser, MAIL))).toContain('Aucune boîte')
    const phone = await open(house, browser, `${MAIL}/phone`)
    expect(phone.text).not.toContain('name="name"')
    const csrf = /name="csrf" value="([^"]+)"/.exec((await open(house, browser, '/')).text)![1]!
    const answer = await browser.fetch(`${house.issuer}${MAIL}/phone`, { form: { csrf, name: 'X', login: SHARED } })
    expect([answer.status, secretOn(answer)]).toEqual([400, ''])
  })
})

describe('a phone', () => {
  test('gets a password that is right for the login that was chosen, and is shown once', async () => {
    const form = await open(house, adas, linkOf(await open(house, adas, MAIL), /mail\/phone/))
    const made = await send(house, adas, form, { name: 'Téléphone d’Ada', login: SHARED })
    expect([made.status, made.headers['cache-control']]).toEqual([200, 'no-store'])
    const secret = secretOn(made)
    for (const login of [SHARED, 'ada@ada.example'])
      for (const scope of ['imap', 'smtp'] as const)
        expect(await verifyAppPassword(core())(login, secret, scope)).toMatchObject({ accountId: ada.account.id })
    expect(await verifyAppPassword(core())('bob.info@velo.example', secret, 'imap')).toBeUndefined()
    expect(await verifyAppPassword(core())(SHARED, secret, 'pop3')).toBeUndefined()
    expect(read(made)).toMatch(new RegExp(`Nom d’utilisateur ${SHARED} .*imap\\.cassiopee\\.example`))
    expect(read(await open(house, adas, '/account/app-passwords'))).toContain('Téléphone d’Ada')
    expect((await open(house, adas, MAIL)).text).not.toContain(secret)
    expect(house.logged.join('')).not.toContain(secret)
    // The form sent once more makes no second one.
    const again = await send(house, adas, form, { name: 'Téléphone d’Ada', login: SHARED })
    expect([again.status, secretOn(again), again.text.includes('id="name-wrong"')]).toEqual([409, '', true])
  })

  test('of somebody else’s login: none', async () => {
    const form = await open(house, bobs, `${MAIL}/phone`)
    for (const login of [SHARED, 'ada@ada.example', '', 'bob.info@velo.example%']) {
      const answer = await send(house, bobs, form, { name: 'X', login })
      expect([login, answer.status, secretOn(answer)]).toEqual([login, 400, ''])
    }
  })

  test('whoever finds a browser open makes none', async () => {
    const eva = await house.person({ username: 'eva', coveredForDays: 30 })
    await mailbox(eva, 'eva@eva.example')
    const browser = await browserOf(house, eva)
    const form = await open(house, browser, `${MAIL}/phone`)
    house.clock.advance(16 * 60_000)
    expect(titleOf(await open(house, browser, `${MAIL}/phone`))).toBe('Se connecter')
    expect(titleOf(await send(house, browser, form, { name: 'X', login: 'eva@eva.example' }))).toBe('Se connecter')
    expect(await core().store.appPasswords.ofAccount(eva.account.id)).toEqual([])
    expect(titleOf(await open(house, browser, MAIL))).toBe('Mon courrier')
  })
})

describe('the profile of an iPhone', () => {
  test('is for a login of one’s own, without a password', async () => {
    const reply = await bobs.fetch(profileOf('bob.info@velo.example'))
    expect([reply.status, reply.headers['content-type']]).toEqual([200, 'application/x-apple-aspen-config'])
    expect(reply.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    expect(reply.headers['content-disposition']).toMatch(/^attachment; filename="[\w.]+"$/)
    const parser = new SaxesParser()
    parser.on('error', (error) => expect.unreachable(String(error)))
    parser.write(reply.text).close()
    expect(reply.text).toContain('<key>EmailAddress</key><string>info@velo.example</string>')
    expect(reply.text).toContain('<key>IncomingMailServerUsername</key><string>bob.info@velo.example</string>')
    expect(reply.text).not.toMatch(/<key>(Incoming|Outgoing)Password<\/key>/)
  })

  test('somebody else’s is as absent as one that never was; a stranger signs in first', async () => {
    for (const login of [SHARED, 'ada@ada.example', 'nobody@ada.example', '..', '%00', "x' or 1=1 --"])
      expect([login, (await bobs.fetch(profileOf(login))).status]).toEqual([login, 404])
    const stranger = await createBrowser().fetch(profileOf(SHARED))
    expect([stranger.status, stranger.location]).toEqual([303, expect.stringMatching(/\/auth\?/)])
  })
})

describe('what mail programs ask by themselves', () => {
  const paths = ['/mail/config-v1.1.xml', '/.well-known/autoconfig/mail/config-v1.1.xml']

  test.each(paths)('%s answers under the domain’s own name, without a sign-in or a cookie', async (path) => {
    const hosts = ['autoconfig.velo.example', 'velo.example', new URL(house.issuer).host]
    const asked = `${path}?emailaddress=${encodeURIComponent('Anybody@Velo.example')}`
    const answers = await Promise.all(hosts.map((host) => rawGet(house, asked, { host })))
    for (const { status, head, body } of answers) {
      expect([status, /content-type: (\S+)/i.exec(head)?.[1]]).toEqual([200, 'text/xml;'])
      expect(head).not.toMatch(/set-cookie/i)
      expect(body).toContain('<hostname>imap.cassiopee.example</hostname>')
      expect(body).toContain('<domain>velo.example</domain>')
      // Neither who has a mailbox nor a login.
      expect(body).not.toMatch(/info|bob|ada@/)
    }
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
  })

  test('without an address the host says which domain; one that only has an alias counts', async () => {
    for (const host of ['autoconfig.velo.example', 'AUTOCONFIG.velo.example:443', 'alias.example'])
      expect((await rawGet(house, paths[0]!, { host })).status).toBe(200)
  })

  test.each([
    '?emailaddress=x@elsewhere.example',
    '?emailaddress=x@example',
    '?emailaddress=velo.example',
    '?emailaddress=x@%25',
    '?emailaddress=x@velo.example%00',
    `?emailaddress=${'x'.repeat(5000)}@velo.example`,
    '?emailaddress=x@velo.example@elsewhere.example',
    '',
  ])('%.60s: no mail of that domain is here', async (query) => {
    for (const path of paths)
      expect((await rawGet(house, path + query, { host: 'autoconfig.elsewhere.example' })).status).toBe(404)
  })

  test('only these paths, and only reading, are open to a Host that is not ours', async () => {
    const host = 'autoconfig.velo.example'
    for (const path of [
      '/',
      '/mail',
      '/mail/',
      '/mail/config-v1.1.xml/',
      '/mail/../',
      '//mail/config-v1.1.xml',
      '/mail/config-v1.1.xml%2f..',
      MAIL,
      '/.well-known/openid-configuration',
      '/.well-known/autoconfig',
      '/auth',
    ])
      expect([path, (await rawGet(house, path, { host })).status]).toEqual([path, 421])
    const posted = await fetch(house.issuer + paths[0], { method: 'POST', body: 'x' })
    expect(posted.status).toBe(405)
    expect((await fetch(`${house.issuer}${paths[0]}?emailaddress=x@velo.example`, { method: 'HEAD' })).status).toBe(200)
  })

  test('nothing set up, nothing answered, and the pages say so', async () => {
    const bare = await startHouse()
    const zoe = await bare.person({ username: 'zoe', coveredForDays: 30 })
    const { core: plain } = bare.installation
    const box = await addResource(plain)({
      memberId: zoe.member!.id,
      kind: 'mailbox',
      name: 'z@velo.example',
      actor: 'x',
    })
    await addLogin(plain)({ mailboxId: box.id, accountId: zoe.account.id, actor: 'test' })
    const asked = `${paths[0]}?emailaddress=z@velo.example`
    expect((await rawGet(bare, asked)).status).toBe(404)
    expect((await rawGet(bare, asked, { host: 'autoconfig.velo.example' })).status).toBe(421)
    const browser = await browserOf(bare, zoe)
    const page = await open(bare, browser, MAIL)
    expect(read(page)).toContain('pas encore indiqués ici par l’administration')
    const profile = `${bare.issuer}${MAIL}/${encodeURIComponent('z@velo.example')}/profile.mobileconfig`
    expect((await browser.fetch(profile)).status).toBe(404)
    await bare.stop()
  })
})

describe('why did my message not arrive', () => {
  const TRACE = `${MAIL}/trace`
  const trace = (browser: Browser, recipient: string) =>
    open(house, browser, `${TRACE}?recipient=${encodeURIComponent(recipient)}`)

  beforeAll(async () => {
    const refused = {
      result: 'bounced',
      dsn: '5.1.1',
      text: 'host mx said: 550 5.1.1 <b>User</b> "unknown" &amp;',
    } as const
    const waits = {
      result: 'deferred',
      dsn: '4.7.1',
      text: 'host mx said: 450 4.7.1 Greylisted for 5 minutes',
    } as const
    await sentMessage(core(), { login: SHARED, attempts: [refused] })
    await sentMessage(core(), {
      login: SHARED,
      attempts: [waits, waits, waits, {}].map((one) => ({ ...one, recipient: 'max@example.net' })),
    })
    await sentMessage(core(), {
      login: 'bob.info@velo.example',
      sender: SHARED,
      attempts: [{ ...waits, recipient: 'theirs@example.net' }],
    })
  })

  test('in plain words, with the other server’s own below', async () => {
    const page = await open(house, adas, linkOf(await open(house, adas, MAIL), /mail\/trace/))
    expect(formsOf(page)[0]).toMatchObject({ method: 'get', fields: { recipient: '' } })
    const found = await trace(adas, 'Zoe@Example.net')
    expect(titleOf(found)).toBe('Pourquoi mon message n’est-il pas arrivé ?')
    expect(read(found)).toMatch(/zoe@example\.net Refusé .*Cette adresse n’existe pas\. C’est définitif/)
    expect(found.text).toContain('550 5.1.1 &lt;b&gt;User&lt;/b&gt; &quot;unknown&quot; &amp;amp;')
    expect(found.text).not.toContain('<b>User')
  })

  test('a whole domain, attempts that ended alike told as one', async () => {
    const text = read(await trace(adas, '@example.net'))
    expect(text).toMatch(/max@example\.net Remis .*Remis au serveur du destinataire/)
    expect(text).toMatch(/3 essais, le premier le .*demande aux inconnus de revenir/)
    expect(text).toContain('zoe@example.net Refusé')
    expect(read(await trace(adas, 'example.net'))).toContain('max@example.net')
  })

  test('of one’s own messages alone, though the address and the mailbox are shared', async () => {
    expect(read(await trace(adas, '@example.net'))).not.toContain('theirs@')
    const text = read(await trace(bobs, '@example.net'))
    expect(text).toContain('theirs@example.net')
    expect(text).not.toMatch(/(zoe|max)@example\.net/)
    for (const recipient of ['zoe@example.net', 'max@example.net'])
      expect(read(await trace(bobs, recipient))).toContain('Rien n’est noté')
    expect(titleOf(await trace(createBrowser(), '@example.net'))).toBe('Se connecter')
  })

  test.each(['@%', '%', '@', 'x@', "'", '@example', '<script>alert(1)</script>'])(
    '%j is no address, and is told so',
    async (typed) => {
      const page = await trace(adas, typed)
      expect([page.status, page.text.includes('id="recipient-wrong"')]).toEqual([200, true])
      expect(read(page)).not.toContain('example.net Refusé')
      expect(page.text).not.toContain('<script>alert')
    },
  )
})
