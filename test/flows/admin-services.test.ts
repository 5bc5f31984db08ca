// The staff's pages for services, clients and the audit, through their forms.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HELD } from '../../src/usecases/nightly.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { open, read, send, titleOf, tokenOf } from '../support/at-home.ts'
import { createBrowser, formsOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { freePort } from '../support/ports.ts'
import { relyingParty, signInAt } from '../support/relying-party.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

let house: House
let boss: StaffMember
let ada: Person
let folder: string
const core = () => house.installation.core

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'schedar-deny-'))
  mkdirSync(join(folder, 'denied'))
  // Nobody listens there: deny files are written, kicking fails.
  const doveadmUrl = `http://127.0.0.1:${await freePort()}`
  house = await startHouse({
    config: { services: { mail: { plugin: 'dovecot', folder, doveadmUrl, doveadmApiKey: 'env:KEY' } } },
    env: { KEY: crypto.randomUUID() },
  })
  boss = await staffMember(house, 'boss', 'admin')
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  const mailbox = await addResource(core())({
    memberId: ada.member!.id,
    kind: 'mailbox',
    name: 'ada@ada.example',
    actor: 'test',
  })
  await addLogin(core())({ mailboxId: mailbox.id, accountId: ada.account.id, actor: 'test' })
})
afterAll(async () => {
  await house.stop()
  rmSync(folder, { recursive: true, force: true })
})

const at = (path: string): Promise<Reply> => open(house, boss.browser, path)
const act = async (path: string, fields: Record<string, string> = {}): Promise<Reply> =>
  send(house, boss.browser, await at(path), fields)
const denied = () => readdirSync(join(folder, 'denied'))
const settled = async (service: string) => (await core().store.outbox.pending({ service })).length

describe('services', () => {
  test('are listed with what they still have to be told; a dashboard shows the same', async () => {
    await expect.poll(() => settled('mail'), { timeout: 5_000 }).toBe(0)
    for (const path of ['/admin/services', '/admin'])
      expect(read(await at(path))).toMatch(/Connexion \(sessions et jetons\) En ordre .* mail En ordre/)
    expect((await at('/admin/services/nothing')).status).toBe(404)
    expect((await at('/admin/services/nothing/plan')).status).toBe(404)
  })

  test('one that fails says why and when it is tried again; now, if somebody asks', async () => {
    await suspend(core())({ target: { accountId: ada.account.id }, reason: 'x', actor: 'test' })
    await expect.poll(async () => read(await at('/admin/services')), { timeout: 5_000 }).toMatch(/mail En échec 1/)
    const page = await at('/admin/services/mail')
    expect(read(page)).toMatch(/ada@ada\.example sessions à fermer/)
    expect(read(page)).toContain('Réessayer maintenant')
    const before = (await core().store.outbox.pending({ service: 'mail' })).find(({ effect }) => effect === 'sessions')!
    const form = formsOf(page).find(({ method }) => method === 'post')!
    const retried = await boss.browser.submit(form, { act: 'retry' })
    expect(read(retried)).toContain('Nouvel essai en cours.')
    await expect
      .poll(
        async () => (await core().store.outbox.pending({ service: 'mail' })).find(({ id }) => id === before.id)!.tries,
        { timeout: 5_000 },
      )
      .toBeGreaterThan(before.tries)
    // The dashboard tells it too.
    expect(read(await at('/admin'))).toMatch(/mail En échec/)
  })

  test('a check proves that it can be reached, or says why not', async () => {
    const failed = await act('/admin/services/mail', { act: 'check' })
    expect(failed.status).toBe(200)
    expect(read(failed)).toContain('La vérification a échoué')
    expect(read(await act('/admin/services/provider', { act: 'check' }))).toContain('Le service répond')
    expect((await act('/admin/services/provider', { act: 'explode' })).status).toBe(400)
  })

  test('drift is shown, and mended after a look', async () => {
    expect(denied()).toHaveLength(1)
    rmSync(join(folder, 'denied', denied()[0]!))
    const plan = await at('/admin/services/mail/plan')
    expect(read(plan)).toContain('Écarts : 1 sur 1 sujets')
    expect(read(plan)).toContain('Ferme un accès')
    const applied = await send(house, boss.browser, plan, { confirmed: 'yes' })
    expect(read(applied)).toContain('Le plan est appliqué.')
    expect(read(applied)).toContain('Tout est comme il se doit.')
    expect(denied()).toHaveLength(1)
    expect(await core().store.audit.list({ action: 'service.applied' })).toMatchObject([
      { actor: boss.person.account.id, subjectId: 'mail', payload: { changes: 1 } },
    ])
  })

  test('after a restore nothing is written until somebody lets it pass', async () => {
    await core().store.settings.set('writes_held', 'restore')
    rmSync(join(folder, 'denied', denied()[0]!))
    for (const path of ['/admin', '/admin/services'])
      expect(read(await at(path))).toContain('Une sauvegarde a été restaurée')
    const refused = await act('/admin/services/mail/plan', { confirmed: 'yes' })
    expect([refused.status, denied()]).toEqual([409, []])
    const released = await act('/admin/held')
    expect(titleOf(released)).toBe('C’est passé')
    expect(denied()).toHaveLength(1)
    expect(await core().store.settings.get('writes_held')).toBeUndefined()
    // Nothing is held any more: the form of a page that stayed open does nothing.
    expect(read(await at('/admin/held'))).toContain('Rien n’attend.')
    const csrf = tokenOf(await at('/admin/suspend'))
    expect((await boss.browser.fetch(`${house.issuer}/admin/held`, { form: { csrf } })).status).toBe(409)
  })

  test('what the night held is let pass by a person', async () => {
    await core().store.settings.set(HELD, JSON.stringify({ removals: 40, of: 100, on: '2026-11-01' }))
    expect(read(await at('/admin'))).toContain('aurait fermé l’accès de 40 membres sur 100')
    await act('/admin/held')
    expect(await core().store.settings.get(HELD)).toBeUndefined()
  })

  test('a client whose logout is not acknowledged is a service of its own', async () => {
    const rp = await relyingParty(house, { name: 'Le wiki' })
    const eva = await house.person({ username: 'eva', coveredForDays: 30 })
    await signInAt(rp, createBrowser(), house.issuer, 'eva', eva.password)
    rp.backchannel.status = 500
    await suspend(core())({ target: { accountId: eva.account.id }, reason: 'x', actor: 'test' })
    await expect
      .poll(async () => read(await at('/admin/services')), { timeout: 5_000 })
      .toMatch(/Déconnexion de « Le wiki » En échec/)
    const page = await at(`/admin/services/${encodeURIComponent(`logout/${rp.clientId}`)}`)
    expect(titleOf(page)).toBe('Déconnexion de « Le wiki »')
    expect(read(page)).toMatch(/eva déconnexion à annoncer/)
    rp.backchannel.status = 200
    await send(house, boss.browser, page, { act: 'retry' })
    await expect.poll(() => settled(`logout/${rp.clientId}`), { timeout: 5_000 }).toBe(0)
    expect((await at(`/admin/services/${encodeURIComponent(`logout/${rp.clientId}`)}`)).status).toBe(200)
    await rp.close()
  })
})

describe('failed sign-ins', () => {
  test('are counted for a day', async () => {
    const failed = async () => Number(/24 heures : (\d+)/.exec(read(await at('/admin')))![1])
    const before = await failed()
    const stranger = createBrowser()
    for (const identifier of ['ada', 'nobody'])
      await send(house, stranger, await open(house, stranger, '/'), {
        identifier,
        password: 'wrong',
      })
    expect(await failed()).toBe(before + 2)
  })
})

describe('clients', () => {
  test('one is registered; its secret is shown once, its kit taken along', async () => {
    const done = await act('/admin/clients/new', {
      kind: 'spip',
      name: 'Le site <script>',
      url: 'https://spip.example',
      site: '',
      service: '',
      redirectUris: '',
    })
    expect(titleOf(done)).toBe('Le client est inscrit')
    const [, clientId] = /client_id<\/dt><dd><code>([^<]+)/.exec(done.text)!
    const [, secret] = /client_secret<\/dt><dd><code>([^<]+)/.exec(done.text)!
    const page = await at(`/admin/clients/${clientId}`)
    expect(page.text).toContain('Le site &lt;script&gt;')
    expect(page.text).not.toContain(secret)
    expect(read(page)).toContain('https://spip.example')

    const form = formsOf(await at(`/admin/clients/${clientId}/kit`)).find(({ method }) => method === 'post')!
    // As one that was registered before its kit listened there.
    const registered = (await core().store.clients.get(clientId!))!
    const { backchannel_logout_uri, ...metadata } = registered.metadata
    await core().store.clients.update({ ...registered, metadata })
    const kit = await boss.browser.fetch(form.action, { form: form.fields })
    expect(backchannel_logout_uri).toBeDefined()
    expect((await core().store.clients.get(clientId!))!.metadata).toEqual(registered.metadata)
    expect(kit.headers).toMatchObject({
      'content-type': 'application/x-tar',
      'cache-control': 'no-store',
      'content-disposition': `attachment; filename="kit-${clientId}.tar"`,
      'x-content-type-options': 'nosniff',
    })
    expect(kit.text).toContain('ustar')
    expect(kit.text).toContain(secret)
    expect(await core().store.audit.list({ subjectId: clientId!, action: 'client.kit_taken' })).toHaveLength(1)
    // Neither the audit nor the log holds the secret.
    expect(JSON.stringify(await core().store.audit.list({ limit: 1000 }))).not.toContain(secret)
    expect(house.logged.join('')).not.toContain(secret)
    const wrong = await send(house, boss.browser, await at(`/admin/clients/${clientId}/kit`), { options: '=x' })
    expect([wrong.status, wrong.text.includes('id="options-wrong"')]).toEqual([422, true])
  })

  test('a new secret is shown once; the old one is worth nothing from then on', async () => {
    const rp = await relyingParty(house, { name: 'Le forum' })
    const done = await act(`/admin/clients/${rp.clientId}/rotate`)
    expect(titleOf(done)).toBe('Le secret est changé')
    const [, secret] = /client_secret<\/dt><dd><code>([^<]+)/.exec(done.text)!
    const token = async (given: string) => {
      const authorization = `Basic ${Buffer.from(`${rp.clientId}:${given}`).toString('base64')}`
      const body = new URLSearchParams({ grant_type: 'authorization_code', code: 'none', redirect_uri: rp.url })
      const answer = await fetch(`${house.issuer}/token`, { method: 'POST', headers: { authorization }, body })
      return ((await answer.json()) as { error: string }).error
    }
    expect(await token(rp.clientSecret)).toBe('invalid_client')
    expect(await token(secret!)).toBe('invalid_grant')
    expect((await at(`/admin/clients/${rp.clientId}`)).text).not.toContain(secret)
    expect(JSON.stringify(await core().store.audit.list({ subjectId: rp.clientId }))).not.toContain(secret)
    await rp.close()
  })

  test.each([
    [{ url: 'http://spip.example' }, 'url'],
    [{ url: 'javascript:alert(1)' }, 'url'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ site: 'nowhere.example' }, 'site'],
    [{ kind: 'other', redirectUris: '' }, 'redirectUris'],
    [{ kind: 'other', redirectUris: 'https://x.example/*' }, 'redirectUris'],
  ])('%o is refused at its field', async (fields, field) => {
    const good = { kind: 'spip', name: 'x', url: 'https://x.example', redirectUris: '', site: '' }
    const page = await act('/admin/clients/new', { ...good, ...fields })
    expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([422, true])
  })

  test('a kind that does not exist, or leads out of the folder', async () => {
    for (const kind of ['nothing', '../../src/main', ''])
      expect((await act('/admin/clients/new', { kind, name: 'x', url: 'https://x.example' })).status).toBe(404)
  })

  test('roles are given to accounts and groups, and taken back; a client is switched off and on', async () => {
    const rp = await relyingParty(house, { name: 'Le blog', audience: 'listed' })
    const path = `/admin/clients/${rp.clientId}`
    const give = async (fields: Record<string, string>) => {
      const page = await at(`${path}/roles`)
      const form = formsOf(page).findLast(({ fields: known }) => 'role' in known)!
      return boss.browser.submit(form, { ...fields, act: 'give' })
    }
    expect(read(await give({ kind: 'account', who: 'ADA', role: 'editor' }))).toContain('ada editor')
    expect(read(await give({ kind: 'group', who: 'bureau', role: 'chief' }))).toContain('groupe bureau chief')
    const roles = () => core().store.clients.rolesOn(rp.clientId)
    expect(await roles()).toHaveLength(2)
    for (const fields of [
      { kind: 'account', who: 'nobody', role: 'x' },
      { kind: 'account', who: '', role: 'x' },
      { kind: 'account', who: 'ada', role: 'two words' },
    ])
      expect((await give(fields)).status).toBe(422)
    const page = await at(`${path}/roles`)
    const remove = formsOf(page).find(({ fields }) => fields.who === 'bureau')!
    await boss.browser.submit(remove, { act: 'remove' })
    expect(await roles()).toMatchObject([{ subject: ada.account.id, role: 'editor' }])

    await act(`${path}/disable`)
    expect((await core().store.clients.get(rp.clientId))!.disabledAt).not.toBeNull()
    expect(read(await at(path))).toContain('Réactiver')
    await act(`${path}/enable`)
    expect((await core().store.clients.get(rp.clientId))!.disabledAt).toBeNull()
    expect((await at('/admin/clients/nothing')).status).toBe(404)
    await rp.close()
  })
})

describe('the audit', () => {
  const actions = (page: Reply) =>
    [...page.text.matchAll(/<td[^>]*data-label="Acte"><div>[^<]+<small><code>([^<]+)<\/code>/g)].map(
      ([, action]) => action,
    )

  test('is found by action, by who did it, about whom, and by day', async () => {
    expect(new Set(actions(await at('/admin/audit?action=client.added')))).toEqual(new Set(['client.added']))
    expect(new Set(actions(await at('/admin/audit?action=access.')))).toEqual(new Set(['access.suspended']))
    const byBoss = await at('/admin/audit?actor=boss')
    expect(read(byBoss)).toContain('service.applied')
    expect(read(byBoss)).not.toContain('account.added')
    expect(actions(await at('/admin/audit?subject=ada&action=access.suspended'))).toEqual(['access.suspended'])
    expect(actions(await at('/admin/audit?subject=M-ada'))).toContain('member.added')
    expect(actions(await at('/admin/audit?day=2001-01-01'))).toEqual([])
    const page = await at("/admin/audit?action='%20or%201=1&day=nonsense")
    expect([page.status, read(page)]).toEqual([200, expect.stringContaining('Aucune ligne ne correspond.')])
  })

  test('is read page by page, back to the first entry', async () => {
    let page = await at('/admin/audit')
    let seen = actions(page).length
    for (let n = 0; n < 20; n++) {
      const next = /rel="next" href="([^"]+)"/.exec(page.text)?.[1]
      if (!next) break
      page = await at(next.replaceAll('&amp;', '&'))
      seen += actions(page).length
    }
    expect(seen).toBe((await core().store.audit.list({ limit: 10_000 })).length)
  })

  test('as CSV: whole, quoted, and nothing in it that a spreadsheet would run', async () => {
    const formula = '=HYPERLINK("http://evil.example","x")'
    await core().store.transaction((stores) =>
      stores.audit.append(
        { action: '+1', actor: formula, subjectKind: '@sum', subjectId: '-2', payload: { a: '\n",' } },
        core().clock.now(),
        'x'.repeat(22),
      ),
    )
    const answer = await boss.browser.fetch(`${house.issuer}/admin/audit/export`)
    expect(answer.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="audit.csv"',
      'cache-control': 'no-store',
    })
    const rows = parse(answer.text) as string[][]
    const all = await core().store.audit.list({ limit: 100_000 })
    // All that there was, and who took it along.
    expect(all.at(-1)).toMatchObject({ action: 'audit.exported', actor: boss.person.account.id })
    expect(rows.slice(1).map(([id]) => Number(id))).toEqual(all.map(({ id }) => id))
    for (const cell of rows.flat()) expect(cell).not.toMatch(/^[=+\-@\t\r]/)
    expect(rows.find(([, , actor]) => actor === `'${formula}`)).toMatchObject({ 3: "'+1", 4: "'@sum", 5: "'-2" })
    const some = parse((await boss.browser.fetch(`${house.issuer}/admin/audit/export?action=client.added`)).text)
    expect(new Set((some as string[][]).slice(1).map((row) => row[3]))).toEqual(new Set(['client.added']))
    const crossed = await boss.browser.fetch(
      `${house.issuer}/admin/audit/export?action=${encodeURIComponent('a\r\nset-cookie: x=y')}`,
    )
    expect([crossed.status, crossed.headers['content-disposition']]).toEqual([200, 'attachment; filename="audit.csv"'])
  })

  test('is verified, and a forged entry is found', async () => {
    expect(read(await act('/admin/audit/verify'))).toMatch(/Le journal est intact : \d+ lignes vérifiées\./)
    const forged = house.installation.database.knex('audit').where({ id: 3 })
    await forged.update({ actor: 'mallory' })
    expect(read(await act('/admin/audit/verify'))).toContain('La chaîne est rompue à la ligne 3.')
  })
})
