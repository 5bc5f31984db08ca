// Who is who on a SPIP site: accounts and authors meet by issuer and subject, by a webmaster's hand, or by a setting; never
// by a login or an address alone (attack class 24).
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Browser, type Form, formsOf, linkOf } from '../support/browser-jar.ts'
import { signInLocally } from '../support/spip.ts'
import { type SpipSso, startSpipSso, wordsOf } from '../support/spip-sso.ts'

let sso: SpipSso

beforeAll(async () => {
  sso = await startSpipSso()
})
afterAll(() => sso.stop())
afterEach(() => sso.site.configure({ _SCHEDAR_RATTACHER: false }))

/** A local author with a password, as the site had before. */
async function addLocalAuthor(login: string, email: string, statut = '1comite'): Promise<number> {
  await sso.site.sql(
    `insert into spip_auteurs (nom, login, email, statut, webmestre, source, pass, htpass) select 'Local ${login}', '${login}', '${email}', '${statut}', 'non', 'spip', pass, 'x' from spip_auteurs where id_auteur=1`,
  )
  const [row] = await sso.site.sql(`select id_auteur from spip_auteurs where login='${login}'`)
  return Number(row!.id_auteur)
}

const asWebmaster = async () => {
  const browser = sso.browserOf('nobody')
  await signInLocally(sso.site.url, browser, sso.site.webmaster.login, sso.site.webmaster.password)
  return browser
}

test('attack class 24: neither the same login nor the same address links a local author', async () => {
  const local = await addLocalAuthor('carol', 'carol@example.org', '0minirezo')
  const [before] = await sso.site.sql(`select * from spip_auteurs where id_auteur=${local}`)
  sso.provider.addAccount('carol', { roles: ['redacteur'] })
  await sso.signIn(sso.browserOf('carol'))
  expect(await sso.site.sql(`select * from spip_auteurs where id_auteur=${local}`)).toEqual([before])
  expect(await sso.author('carol2')).toMatchObject({ email: 'carol@example.org', statut: '1comite', source: 'schedar' })
  // The same person, under a new name, is the same author; another person with the old name is not.
  sso.provider.addAccount('carol', { preferred_username: 'caroline' })
  await sso.signIn(sso.browserOf('carol'))
  sso.provider.addAccount('other', { preferred_username: 'CAROL', email: 'carol@example.org' })
  await sso.signIn(sso.browserOf('other'))
  expect(
    (await sso.site.sql("select login from spip_auteurs where email='carol@example.org' order by id_auteur")).map(
      ({ login }) => login,
    ),
  ).toEqual(['carol', 'carol2', 'carol3'])
})

test('a login that differs from a local one only by case is not free', async () => {
  await addLocalAuthor('Gus', 'gus@old.example')
  sso.provider.addAccount('gus')
  await sso.signIn(sso.browserOf('gus'))
  expect(await sso.author('gus2')).toMatchObject({ source: 'schedar' })
})

test('_SCHEDAR_RATTACHER links a verified, unshared, unlinked address, and closes the old password', async () => {
  await sso.site.configure({ _SCHEDAR_RATTACHER: true })
  const dora = await addLocalAuthor('dora', 'Dora@example.org')
  await addLocalAuthor('family1', 'family@example.org')
  await addLocalAuthor('family2', 'family@example.org')
  await addLocalAuthor('unsure', 'unsure@example.org')
  sso.provider.addAccount('unsure', { preferred_username: 'unsure-member', email_verified: false })
  sso.provider.addAccount('truthy', {
    preferred_username: 'truthy',
    email: 'unsure@example.org',
    email_verified: 'true' as unknown as boolean,
  })
  sso.provider.addAccount('family', { preferred_username: 'family-member' })
  sso.provider.addAccount('d1', { preferred_username: 'dora-member', email: 'dora@example.org' })
  sso.provider.addAccount('d2', { preferred_username: 'dora-other', email: 'dora@example.org' })
  for (const sub of ['unsure', 'truthy', 'family', 'd1', 'd2']) await sso.signIn(sso.browserOf(sub))

  const links = await sso.site.sql(
    'select sub, login, A.id_auteur from spip_schedar_auteurs L join spip_auteurs A on A.id_auteur=L.id_auteur',
  )
  const loginOf = Object.fromEntries(links.map(({ sub, login }) => [sub, login]))
  expect(loginOf).toMatchObject({
    unsure: 'unsure-member',
    truthy: 'truthy',
    family: 'family-member',
    d1: 'dora',
    d2: 'dora-other',
  })
  expect(await sso.author('dora')).toMatchObject({ id_auteur: dora, source: 'schedar', pass: '', htpass: '' })
  const browser = sso.browserOf('nobody')
  await signInLocally(sso.site.url, browser, 'dora', sso.site.webmaster.password)
  expect(await sso.isIn(browser)).toBe(false)
})

test('a webmaster links an author by hand: texts stay, the password goes, the author that arrived makes room', async () => {
  const old = await addLocalAuthor('emma', 'emma@old.example')
  sso.provider.addAccount('emma')
  await sso.signIn(sso.browserOf('emma'))
  const arrived = Number((await sso.author('emma2'))!.id_auteur)
  const local = sso.browserOf('nobody')
  await signInLocally(sso.site.url, local, 'emma', sso.site.webmaster.password)
  expect(await sso.isIn(local)).toBe(true)
  const webmaster = await asWebmaster()
  const page = await webmaster.open(`${sso.site.url}/ecrire/?exec=auteur&id_auteur=${old}`)
  const form = formsOf(page).find(({ fields }) => fields.formulaire_action === 'schedar_rattacher')!
  expect(wordsOf(await webmaster.submit(form, { depuis: String(arrived) }))).toContain('C’est fait')
  expect(await sso.isIn(local)).toBe(false)
  expect(await sso.author('emma')).toMatchObject({ id_auteur: old, pass: '', htpass: '' })
  await signInLocally(sso.site.url, local, 'emma', sso.site.webmaster.password)
  expect(await sso.isIn(local)).toBe(false)

  const browser = sso.browserOf('emma')
  await sso.signIn(browser)
  expect(await sso.who(browser)).toBe(`${old}|emma|1comite`)
  expect(await sso.author('emma')).toMatchObject({
    id_auteur: old,
    source: 'schedar',
    pass: '',
    email: 'emma@example.org',
  })
  expect(await sso.site.sql(`select login, statut, pass from spip_auteurs where id_auteur=${arrived}`)).toEqual([
    { login: '', statut: '5poubelle', pass: '' },
  ])
})

test('only webmasters see or send that form', async () => {
  const local = await addLocalAuthor('fred', 'fred@example.org')
  sso.provider.addAccount('admin', { roles: ['admin'] })
  const admin = sso.browserOf('admin')
  await sso.signIn(admin)
  const page = await admin.open(`${sso.site.url}/ecrire/?exec=auteur&id_auteur=${local}`)
  expect(page.text).toContain('Local fred')
  expect(page.text).not.toContain('schedar_rattacher')
})

/** The form by which one brings the author of before along, on one's own page. */
const reprise = async (browser: Browser): Promise<Form | undefined> =>
  formsOf(await browser.open(`${sso.site.url}/ecrire/?exec=infos_perso`)).find(
    ({ fields }) => fields.formulaire_action === 'schedar_reprendre',
  )

test('somebody who was here before proves it once by the old password, and goes on as that author, no higher', async () => {
  const old = await addLocalAuthor('gina', 'gina@old.example', '0minirezo')
  sso.provider.addAccount('gina', { roles: ['redacteur'] })
  const browser = sso.browserOf('gina')
  await sso.signIn(browser)
  expect(await sso.who(browser)).toMatch(/\|gina2\|1comite$/)
  const form = (await reprise(browser))!
  const wrong = await browser.submit(form, { ancien_login: 'gina', ancien_pass: 'not this one' })
  expect(wordsOf(wrong)).toContain('Aucun auteur d’avant')
  expect(await sso.who(browser)).toMatch(/\|gina2\|/)
  await browser.submit((await reprise(browser))!, { ancien_login: 'gina', ancien_pass: sso.site.webmaster.password })
  expect(await sso.who(browser)).toBe(`${old}|gina|1comite`)
  expect(await sso.author('gina')).toMatchObject({ id_auteur: old, source: 'schedar', pass: '', statut: '1comite' })
  expect(await sso.author('gina2')).toBeUndefined()
  expect(await reprise(browser)).toBeUndefined()
})

test('the proof is for local authors alone, ends after five wrong passwords, and is not offered to others', async () => {
  await addLocalAuthor('hugo', 'hugo@old.example')
  for (const sub of ['hugo', 'ivan']) sso.provider.addAccount(sub)
  const [hugo, ivan] = [sso.browserOf('hugo'), sso.browserOf('ivan')]
  for (const browser of [hugo, ivan]) await sso.signIn(browser)
  // Nobody of before resembles Ivan; and a form of Hugo's, sent by him or by a stranger, is nothing.
  expect(await reprise(ivan)).toBeUndefined()
  const form = (await reprise(hugo))!
  const right = { ancien_login: 'hugo', ancien_pass: sso.site.webmaster.password }
  for (const browser of [ivan, sso.browserOf('nobody')]) await browser.submit(form, right)
  // The author of an account is not one of before, whatever is typed.
  const wrong = [{ ancien_login: 'ivan', ancien_pass: '' }, ...Array(5).fill({ ...right, ancien_pass: 'not this one' })]
  for (const fields of wrong) await hugo.submit(form, fields)
  expect(wordsOf(await hugo.submit(form, right))).toContain('Trop d’essais')
  expect(await sso.author('hugo')).toMatchObject({ source: 'spip' })
  expect(await sso.who(hugo)).toMatch(/\|hugo2\|/)
  expect(await sso.site.log()).not.toContain('not this one')
})

test('the settings page shows who may be one person; nobody is linked by being shown', async () => {
  const local = await addLocalAuthor('jade', 'jade@old.example')
  sso.provider.addAccount('jade')
  await sso.signIn(sso.browserOf('jade'))
  const page = await (await asWebmaster()).open(`${sso.site.url}/ecrire/?exec=configurer_schedar`)
  expect(wordsOf(page)).toMatch(/La même personne \?.*Local jade \(jade\) ≟ jade \(jade2\)/)
  expect(linkOf(page, /Local jade/)).toContain(`id_auteur=${local}`)
  expect(await sso.author('jade')).toMatchObject({ source: 'spip' })
})
