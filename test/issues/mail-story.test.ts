// Mail under one account, as one story: a member makes a password for a phone and uses it in every program; a suspension ends
// all of it at once, and restoring gives it back; a web form that somebody else uses is stopped alone, an admin looks at what
// is held and lets it go. SHOTS=folder keeps pictures.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text as textIn } from 'node:stream/consumers'
import { ImapFlow } from 'imapflow'
import { createTransport } from 'nodemailer'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openChromium, phone as smallScreen } from '../support/chromium.ts'
import { type Imap, imap } from '../support/imap.ts'
import { type Pop3, pop3, pop3Session } from '../support/line-client.ts'
import { type MailHost, startMailHost } from '../support/mail-host.ts'
import { phoneFor } from '../support/phone.ts'
import { type PhpFpm, startPhpFpm } from '../support/php-fpm.ts'
import { createProgram, type Program } from '../support/program.ts'
import { type Smtp, smtp } from '../support/smtp.ts'
import { choosePasswordByLetter, newPassword, setUpAssociation, signIn, textOf } from '../support/story.ts'
import { FORM, installMailKit } from '../support/web-forms.ts'

const ZOE = 'zoe@mail.example'
const FAR = 'far@example.net'
const [SITE, OTHER] = ['velo.example', 'wiki.example']
/** Users that Debian has and nobody uses. */
const users = { [SITE]: 'games', [OTHER]: 'news' }
const REASON = 'Le formulaire du site envoie du courrier indésirable.'
const PATIENCE = { timeout: 60_000, interval: 300 }

let folder: string
let program: Program
let host: MailHost
let php: PhpFpm
const contexts: BrowserContext[] = []
let admin: Page
let member: Page
/** What the pages showed, once: for the phone, and for a program that knows POP3 only. */
let [secret, popSecret] = ['', '']
const live: { close(): void }[] = []

beforeAll(async () => {
  folder = await mkdtemp('/tmp/story-')
  await chmod(folder, 0o755)
  program = await createProgram()
  contexts.push(await openChromium(), await openChromium(smallScreen))
  ;[admin, member] = (await Promise.all(contexts.map((context) => context.newPage()))) as [Page, Page]
  await program.serve()
  await setUpAssociation(admin, program, newPassword())
  await program.json('member', 'add', '7', 'Zoé Vandamme', '--covered-until', '2099-12-31')
  await program.json(
    ...['account', 'add', 'zoe', '--given-name', 'Zoé', '--family-name', 'Vandamme'],
    ...['--email', 'zoe@elsewhere.example', '--member', '7', '--role', 'owner'],
  )
  for (const site of [SITE, OTHER]) await program.json('site', 'add', site, '--member', '7')
  host = await startMailHost(program, { limits: { site: { messagesPerHour: 5 } } })
  await program.json('mailbox', 'add', ZOE, '--member', '7', '--account', 'zoe', '--quota', '2G')
  for (const [site, user] of Object.entries(users)) {
    const kit = join(folder, site)
    const { code, err } = await program.schedar('site', 'mail-kit', site, kit, '--user', user)
    expect([code, err]).toEqual([0, ''])
    await installMailKit(kit, host.postfix, folder)
  }
  await chmod(program.folder, 0o711) // the forms' programs read their own file in it
  php = await startPhpFpm(
    await Promise.all(
      Object.entries(users).map(async ([site, user]) => ({
        name: site.split('.')[0]!,
        user,
        lines: await readFile(join(folder, site, `php-fpm/${site}.conf`), 'utf8'),
        scripts: { 'contact.php': FORM },
      })),
    ),
  )
}, 240_000)
afterAll(async () => {
  for (const { close } of live) close()
  await Promise.all(contexts.map((context) => context.close()))
  await php?.remove()
  await program?.remove()
  await host?.remove()
  await rm(folder, { recursive: true, force: true })
})

const shot = async (page: Page, name: string): Promise<void> => {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true })
}
const read = async (page: Page): Promise<string> => (await textOf(page)).replace(/\s+/gu, ' ')
const visit = (page: Page, path: string) => page.goto(program.issuer + path)
const arrived = (subject: string) => host.postfix.sink.mails.find(({ text }) => text.includes(`Subject: ${subject}`))
const letterTo = (address: string, subject: RegExp) =>
  program.letters().find(({ to, subject: of }) => to.includes(address) && subject.test(of))
const post = (site: string, subject: string) => php.get(site.split('.')[0]!, 'contact.php', { to: FAR, subject })

/** curl's own way of mail; the password goes in by its standard input. */
async function curl(lines: string, { pass = secret, message = '' } = {}): Promise<string> {
  const file = join(folder, 'message')
  await writeFile(file, message)
  const child = spawn('curl', ['-sS', '-K', '-'], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(`user = "${ZOE}:${pass}"\ncacert = "${join(program.folder, 'ca.pem')}"\n${lines}\n`)
  const [printed, [code]] = await Promise.all([textIn(child.stdout), once(child, 'exit')])
  return code === 0 ? printed || 'done' : `curl ${code}`
}
const curls = {
  imap: () => curl(`url = "imap://127.0.0.1:${host.dovecot.imapPort}/"`),
  pop3: () => curl(`url = "pop3://127.0.0.1:${host.dovecot.pop3Port}/1"`, { pass: popSecret }),
  smtp: (subject: string) =>
    curl(
      `url = "smtp://127.0.0.1:${host.postfix.submissionPort}/client.example"
ssl-reqd
mail-from = "${ZOE}"
mail-rcpt = "${FAR}"
upload-file = "${join(folder, 'message')}"`,
      { message: `From: ${ZOE}\r\nTo: ${FAR}\r\nSubject: ${subject}\r\n\r\nBonjour\r\n` },
    ),
}
const mailer = (pool = false) =>
  createTransport({
    host: '127.0.0.1',
    port: host.postfix.submissionPort,
    requireTLS: true,
    auth: { user: ZOE, pass: secret },
    tls: { ca: host.postfix.ca },
    ...(pool && { pool: true, maxConnections: 1 }),
  })
const sends = (subject: string, to = FAR) =>
  mailer()
    .sendMail({ from: ZOE, to, subject, text: 'Bonjour' })
    .then(
      () => 'sent',
      (error: Error) => error.message,
    )
const phone = () => phoneFor({ port: host.dovecot.imapPort, user: ZOE, pass: secret })
async function rawSmtp(): Promise<Smtp> {
  const client = await smtp(host.postfix.submissionsPort, host.postfix.ca)
  live.push(client)
  return client
}

test('a member sets up a phone on the mail page, and reads there what to type', async () => {
  await program.json('account', 'invite', 'zoe')
  const password = newPassword()
  await choosePasswordByLetter(member, program, 'zoe@elsewhere.example', password)
  await visit(member, '/')
  await signIn(member, 'zoe', password)
  await member.getByRole('link', { name: /^Mon courrier/ }).click()
  await shot(member, '01-my-mail')
  expect(await read(member)).toContain(ZOE)
  await member.getByRole('link', { name: 'Régler un téléphone ou un ordinateur' }).click()
  await member.getByLabel('Nom de l’appareil').fill('Mon vieux téléphone')
  await shot(member, '02-phone')
  await member.getByRole('button', { name: 'Créer le mot de passe' }).click()
  secret = await member.getByLabel(`Mot de passe pour ${ZOE}`).inputValue()
  await shot(member, '03-phone-made')
  expect(secret).toMatch(/^[a-z2-9]{20}$/)
  expect(await read(member)).toMatch(/imap\.cassiopee\.example 993|imap\.cassiopee\.example Port 993/)
})

test('and makes another for a program that only knows POP3', async () => {
  await visit(member, '/account/app-passwords/new')
  await member.fill('#name', 'Ordinateur du local')
  await member.getByLabel('relever le courrier (POP3)').check()
  await member.getByRole('button', { name: 'Créer le mot de passe' }).click()
  popSecret = await member.getByLabel('Mot de passe pour Ordinateur du local').inputValue()
  await shot(member, '04-app-password')
})

describe('with these passwords', () => {
  test('mail comes in and is read on the phone, by curl and by POP3', async () => {
    await expect.poll(() => phone().readsMail(), PATIENCE).toBe(true)
    const stranger = await smtp(host.postfix.smtpPort)
    const subject = 'Subject: Bienvenue\r\n\r\nBonjour'
    expect(await stranger.send({ from: 'someone@example.net', to: [ZOE], text: subject })).toMatch(/^250 /)
    stranger.close()
    const [letter] = await phone().letters(1)
    expect(letter!.subject).toBe('Bienvenue')
    expect(await curls.imap()).toContain('INBOX')
    expect(await pop3(host.dovecot.pop3Port, ZOE, secret), 'not what it was made for').toMatch(/^-ERR/)
    await expect.poll(curls.pop3, PATIENCE).toContain('Subject: Bienvenue')
  })

  test('it sends with STARTTLS, with curl and in a raw session, as itself alone', async () => {
    expect(await sends('du téléphone')).toBe('sent')
    expect(await curls.smtp('curl')).toBe('done')
    const raw = await rawSmtp()
    expect(await raw.authenticate(ZOE, secret)).toMatch(/^235 /)
    expect(await raw.send({ from: ZOE, to: [FAR], text: 'Subject: raw\r\n\r\nx' })).toMatch(/^250 /)
    expect(await raw.send({ from: 'alix@cassiopee.example', to: [FAR] })).toMatch(/^55\d 5\.7\.1 /)
    await expect.poll(() => ['curl', 'raw'].filter(arrived), PATIENCE).toEqual(['curl', 'raw'])
  })

  test('its last use is told on the account page', async () => {
    await expect
      .poll(async () => {
        await visit(member, '/account/app-passwords')
        return read(member)
      }, PATIENCE)
      .toMatch(/Mon vieux téléphone .*Dernier usage le/)
    await shot(member, '05-app-passwords')
  })
})

describe('an admin suspends the member', () => {
  let idle: Imap
  let pop: Pop3
  let session: Smtp
  let phoneGone: Promise<unknown>
  let pool: ReturnType<typeof mailer>
  let waiting = ''

  test('with programs open, a message half given and another that waits', async () => {
    host.postfix.sink.replies.set('later@example.net', '450 4.7.1 Greylisted')
    expect(await sends('plus tard', 'later@example.net')).toBe('sent')
    await expect.poll(async () => [...(await host.queue()).values()], PATIENCE).toEqual(['deferred'])
    ;[waiting] = [...(await host.queue()).keys()] as [string]

    idle = await imap(host.dovecot.imapPort)
    live.push(idle)
    expect(await idle.authenticate('PLAIN', ZOE, secret)).toMatch(/^OK/)
    await idle.idle()
    const opened = await pop3Session(host.dovecot.pop3Port, ZOE, popSecret)
    pop = opened
    live.push(pop)
    expect([opened.answer.slice(0, 3), (await pop.command('STAT')).slice(0, 3)]).toEqual(['+OK', '+OK'])
    session = await rawSmtp()
    expect(await session.authenticate(ZOE, secret)).toMatch(/^235 /)
    expect(await session.command(`MAIL FROM:<${ZOE}>`)).toMatch(/^250 /)
    pool = mailer(true)
    live.push({ close: () => pool.close() })
    await pool.sendMail({ from: ZOE, to: FAR, subject: 'pool', text: 'x' })
    const auth = { user: ZOE, pass: secret }
    const app = new ImapFlow({ host: '127.0.0.1', port: host.dovecot.imapPort, secure: false, auth, logger: false })
    app.on('error', () => undefined)
    await app.connect()
    await app.mailboxOpen('INBOX')
    phoneGone = once(app, 'close')
    live.push({ close: () => app.close() })
  })

  test('in the admin pages, and every live session ends', async () => {
    await visit(admin, '/admin/members?text=Vandamme')
    await admin.getByRole('link', { name: 'Zoé Vandamme' }).click()
    await shot(admin, '10-member')
    await admin.getByRole('link', { name: 'Suspendre', exact: true }).click()
    await admin.fill('#reason', REASON)
    await admin.getByRole('button', { name: 'Suspendre' }).click()
    await admin.getByRole('status').filter({ hasText: 'Tout est fermé' }).waitFor({ timeout: 60_000 })
    await shot(admin, '11-suspended')
    expect(await idle.bye(30_000)).toMatch(/^\* BYE|closed/)
    expect(await pop.command('STAT'), 'what it said last').toMatch(/^-ERR .*shutting down|^closed/)
    expect(await pop.command('STAT')).toBe('closed')
    expect(await session.command(`RCPT TO:<${FAR}>`)).toMatch(/^5\d\d 5\.7\.\d .*suspendu/)
    await expect(pool.sendMail({ from: ZOE, to: FAR, subject: 'x', text: 'x' })).rejects.toThrow(/suspendu/)
    await phoneGone
  })

  test('each new one is refused, and told why; their sites send nothing either', async () => {
    const again = await imap(host.dovecot.imapPort)
    expect(await again.authenticate('PLAIN', ZOE, secret)).toMatch(/^NO \[ALERT\] Cet acces est suspendu/)
    again.close()
    expect(await phone().readsMail()).toBe(false)
    expect(await pop3(host.dovecot.pop3Port, ZOE, popSecret)).toMatch(/^-ERR .*suspendu/)
    expect(await (await rawSmtp()).authenticate(ZOE, secret)).toMatch(/^535 .*suspendu/)
    expect(await sends('non')).toMatch(/535 .*suspendu/)
    expect([await curls.imap(), await curls.pop3(), await curls.smtp('non')]).toEqual(['curl 67', 'curl 67', 'curl 67'])
    expect(await post(SITE, 'formulaire suspendu')).toContain('could not be sent')
  })

  test('what was given before waits; what comes from elsewhere still arrives', async () => {
    expect((await host.queue()).get(waiting)).toBe('hold')
    const stranger = await smtp(host.postfix.smtpPort)
    const text = 'Subject: Pendant\r\n\r\nBonjour'
    expect(await stranger.send({ from: 'someone@example.net', to: [ZOE], text })).toMatch(/^250 /)
    stranger.close()
  })

  test('the member reads why at home', async () => {
    await visit(member, '/')
    await shot(member, '12-home-suspended')
    expect(await read(member)).toContain(REASON)
    await visit(member, '/account/mail')
    await shot(member, '13-my-mail-suspended')
    expect(await read(member)).toMatch(/zoe@mail\.example Fermé .*Cette boîte vous est fermée pour le moment/)
  })

  test('restoring restores: the same password opens, and what waited goes out', async () => {
    host.postfix.sink.replies.clear()
    await admin.getByRole('link', { name: /Zoé Vandamme/ }).click()
    await admin.getByRole('link', { name: 'Rétablir l’accès' }).click()
    await admin.getByRole('button', { name: 'Rétablir l’accès' }).click()
    await admin.getByRole('status').filter({ hasText: 'Tous les services ont suivi' }).waitFor({ timeout: 60_000 })
    await shot(admin, '14-restored')
    await expect.poll(() => phone().readsMail(), PATIENCE).toBe(true)
    expect((await phone().letters(2)).map(({ subject }) => subject)).toEqual(['Bienvenue', 'Pendant'])
    expect((await host.queue()).get(waiting)).not.toBe('hold')
    // Postfix would try again in its own time.
    await host.postfix.command('postqueue', '-i', waiting)
    await expect.poll(() => arrived('plus tard')?.to, PATIENCE).toEqual(['later@example.net'])
    expect(await sends('de retour')).toBe('sent')
    expect(arrived('formulaire suspendu')).toBeUndefined()
  })
})

describe('a web form is used by somebody else', () => {
  let held = ''

  test('the burst is held, and the site alone may send no more', async () => {
    await expect.poll(() => post(SITE, 'burst 0'), PATIENCE).toBe('sent')
    const answers: string[] = []
    for (let n = 1; n < 12; n++) answers.push(await post(SITE, `burst ${n}`))
    expect(answers.at(-1)).toContain('could not be sent')
    expect((await host.queue()).size).toBe(1)
    held = `burst ${answers.filter((answer) => answer === 'sent').length}`
    expect(arrived(held)).toBeUndefined()
    expect(await post(OTHER, 'autre site')).toBe('sent')
    expect(await sends('zoe continue')).toBe('sent')
    await expect.poll(() => ['autre site', 'zoe continue'].filter(arrived).length, PATIENCE).toBe(2)
  })

  test('the association and the member are told by letter', async () => {
    await expect
      .poll(() => letterTo('bureau@cassiopee.example', /^Envoi arrêté\s: velo\.example$/)?.text, PATIENCE)
      .toMatch(/velo\.example \(Zoé Vandamme\) .*plus de 5 messages en une heure\.[\s\S]*\/admin\/outgoing/)
    await expect
      .poll(() => letterTo('zoe@elsewhere.example', /^Vos envois sont arrêtés\s: velo\.example$/)?.text, PATIENCE)
      .toMatch(/rien n’est perdu/)
  })

  test('the admin sees sender, recipients, subject and script, and lets it go by one click', async () => {
    await visit(admin, '/admin')
    await shot(admin, '20-dashboard')
    await admin.getByRole('link', { name: 'Voir', exact: true }).first().click()
    await shot(admin, '21-outgoing')
    expect(await read(admin)).toContain('plus de 5 messages en une heure')
    await admin.getByRole('link', { name: `Décider ${SITE}` }).click()
    await shot(admin, '22-held')
    const page = await read(admin)
    for (const part of [held, `www@${SITE}`, FAR, 'contact.php']) expect(page).toContain(part)
    await admin.getByRole('button', { name: `Laisser partir tout de ${SITE}` }).click()
    await shot(admin, '23-released')
    await expect.poll(() => arrived(held)?.to, PATIENCE).toEqual([FAR])
  })

  test('opened again, the form sends; the record says who did what', async () => {
    expect(await read(admin)).toContain(`Les envois de ${SITE} sont arrêtés`)
    await admin.getByRole('button', { name: `Laisser à nouveau envoyer ${SITE}` }).click()
    await shot(admin, '24-open-again')
    await expect.poll(() => post(SITE, 'rouvert'), PATIENCE).toBe('sent')
    await visit(admin, '/admin/audit')
    await shot(admin, '28-audit')
    await visit(admin, `/admin/mailboxes?address=${encodeURIComponent(ZOE)}`)
    await shot(admin, '25-mailboxes')
    await admin.getByRole('link', { name: ZOE }).first().click()
    await shot(admin, '26-mailbox')
    await visit(member, '/account/mail/trace?recipient=%40example.net')
    await shot(member, '27-trace')
    expect(await read(member)).toContain('Remis')
  })
})

test('nothing is left undone, nothing has drifted, and no password is written anywhere', async () => {
  expect(await program.json('services', 'plan')).toEqual([])
  expect(await program.json('audit', 'verify')).toMatchObject({ sound: true })
  for (const one of [secret, popSecret]) {
    expect(program.written()).not.toContain(one)
    expect(await host.dovecot.log()).not.toContain(one)
    const grep = spawn('grep', ['-rlF', '-f', '-', host.dovecot.dir, program.folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    grep.stdin.end(one)
    expect(await textIn(grep.stdout)).toBe('')
  }
})
