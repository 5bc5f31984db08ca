// SPIP 4.4 and its plugin against a real provider: people sign in, arrive as authors, and their rights follow their roles.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formsOf, linkOf } from '../support/browser-jar.ts'
import { signInLocally } from '../support/spip.ts'
import { type SpipSso, startSpipSso, wordsOf } from '../support/spip-sso.ts'

let sso: SpipSso

beforeAll(async () => {
  sso = await startSpipSso()
})
afterAll(() => sso.stop())

const asWebmaster = async () => {
  const browser = sso.browserOf('nobody')
  await signInLocally(sso.site.url, browser, sso.site.webmaster.login, sso.site.webmaster.password)
  return browser
}

test('one click on the login form leads to the private area, and an author without a password has arrived', async () => {
  sso.provider.addAccount('alice', { name: 'Alice Démo', locale: 'fr-BE' })
  const browser = sso.browserOf('alice')
  const login = await browser.open(`${sso.site.url}/ecrire/?exec=articles`)
  expect(wordsOf(login)).toContain("Se connecter avec L'Asso &amp; &lt;b&gt;Cie&lt;/b&gt;")
  expect(formsOf(login).some(({ fields }) => 'password' in fields)).toBe(true)

  const arrived = await browser.open(linkOf(login, /schedar-bouton/))
  expect(arrived).toMatchObject({ status: 200, url: `${sso.site.url}/ecrire/?exec=articles` })
  expect(await sso.isIn(browser)).toBe(true)
  expect(await sso.author('alice')).toMatchObject({
    nom: 'Alice Démo',
    email: 'alice@example.org',
    statut: '1comite',
    webmestre: 'non',
    lang: 'fr',
    source: 'schedar',
    pass: '',
    htpass: '',
  })
})

test('the request to the provider carries PKCE S256, a state and a nonce, and nothing of the return address', async () => {
  const { location } = await sso.browserOf('alice').fetch(sso.start('/ecrire/?exec=article&id_article=7'))
  const asked = Object.fromEntries(new URL(location!).searchParams)
  expect(asked).toMatchObject({
    response_type: 'code',
    code_challenge_method: 'S256',
    redirect_uri: sso.callback,
    scope: 'openid profile email roles',
  })
  expect(asked.code_challenge).toHaveLength(43)
  expect(asked.state).not.toBe(asked.nonce)
  expect(location).not.toContain('id_article')
})

test('the cookie of a sign-in is signed, closed to scripts, and gone afterwards', async () => {
  const browser = sso.browserOf('alice')
  await browser.fetch(sso.start())
  const [cookie] = browser.cookies('127.0.0.2')
  expect(cookie!.attributes).toMatch(/HttpOnly/i)
  expect(cookie!.attributes).toMatch(/SameSite=Lax/i)
  await sso.signIn(browser)
  expect(browser.cookies('127.0.0.2').filter(({ name }) => name.startsWith('schedar_'))).toHaveLength(1)
})

test('roles become rights, the highest counts, and they are lowered at the next sign-in, in every browser', async () => {
  const account = sso.provider.addAccount('roland', { roles: ['redacteur', 'webmestre', 'unknown'] })
  const [first, second] = [sso.browserOf('roland'), sso.browserOf('roland')]
  await sso.signIn(first)
  expect(await sso.author('roland')).toMatchObject({ statut: '0minirezo', webmestre: 'oui' })
  expect(await sso.who(first)).toMatch(/\|roland\|0minirezo$/)

  for (const [role, statut] of [
    ['admin', '0minirezo'],
    ['redacteur', '1comite'],
    ['visiteur', '6forum'],
    ['admin', '0minirezo'],
  ] as const) {
    account.roles = [role]
    await sso.signIn(second)
    expect(await sso.author('roland')).toMatchObject({ statut, webmestre: 'non' })
    expect(await sso.who(first)).toMatch(new RegExp(`\\|roland\\|${statut}$`))
  }
})

test('a visitor lands on the public site and is known there, not in the private area', async () => {
  sso.provider.addAccount('vera', { roles: ['visiteur'] })
  const browser = sso.browserOf('vera')
  expect((await sso.signIn(browser, '/ecrire/?exec=articles')).url).toBe(`${sso.site.url}/`)
  expect(await sso.who(browser)).toMatch(/\|vera\|6forum$/)
  expect(await sso.isIn(browser)).toBe(false)
})

test('without a role a courteous page says whom to ask, in the visitor’s language, and open sessions end', async () => {
  const account = sso.provider.addAccount('rolf')
  const before = sso.browserOf('rolf')
  await sso.signIn(before)
  account.roles = []
  const said = {
    fr: 'n’a pas de rôle sur ce site',
    nl: 'heeft geen rol op deze site',
    en: 'has no role on this site',
    de: 'hat auf dieser Website keine Rolle',
  }
  for (const [language, words] of Object.entries(said)) {
    const page = await sso.signIn(sso.browserOf('rolf', language))
    expect(page.status).toBe(403)
    expect(wordsOf(page)).toContain(words)
    expect(page.text).not.toContain('<b>Cie</b>')
  }
  expect(await sso.isIn(before)).toBe(false)
  expect(await sso.who(before)).toBe('||')
  expect(await sso.author('rolf')).toMatchObject({ statut: '6forum', webmestre: 'non' })
  account.roles = undefined as unknown as string[]
  expect((await sso.signIn(sso.browserOf('rolf'))).status).toBe(403)
})

test('name, address and language are refreshed; a name is text, never markup', async () => {
  const account = sso.provider.addAccount('nora', { name: 'Nora' })
  await sso.signIn(sso.browserOf('nora'))
  Object.assign(account, {
    name: '<script>alert(1)</script> Nora {{x}} [->javascript:1]',
    email: 'nora@new.example',
    locale: 'tlh',
  })
  await sso.signIn(sso.browserOf('nora'))
  const author = await sso.author('nora')
  expect(author).toMatchObject({ email: 'nora@new.example', lang: 'fr' })
  expect(author!.nom).toMatch(/^[^<>{}[\]]*Nora[^<>{}[\]]*$/)
})

test('several tabs sign in at once, and a first sign-in in two tabs makes one author', async () => {
  sso.provider.addAccount('tabea')
  const browser = sso.browserOf('tabea')
  const pages = ['/ecrire/?exec=articles', '/ecrire/?exec=auteurs', '/ecrire/?exec=rubriques', '/']
  const answers: string[] = []
  for (const page of pages) answers.push(await sso.answer(browser, page))
  const arrivals = await Promise.all(answers.map((answer) => browser.fetch(answer)))
  expect(arrivals.map(({ location }) => location)).toEqual(pages.map((page) => `${sso.site.url}${page}`))
  expect(await sso.site.sql("select login from spip_auteurs where email='tabea@example.org'")).toEqual([
    { login: 'tabea' },
  ])
})

test('a browser that begins again and again never outgrows Apache’s limit on cookies', async () => {
  const browser = sso.browserOf('alice')
  for (let n = 0; n < 20; n++) await browser.fetch(sso.start(`/ecrire/?exec=articles&x=${'y'.repeat(500)}`))
  expect(browser.cookies('127.0.0.2').length).toBeLessThanOrEqual(6)
  expect((await sso.signIn(browser)).status).toBe(200)
})

test('a local password can neither be asked for nor set for an author of Schedar', async () => {
  await sso.signIn(sso.browserOf('alice'))
  const id = Number((await sso.author('alice'))!.id_auteur)
  const visitor = sso.browserOf('nobody')
  const form = formsOf(await visitor.open(`${sso.site.url}/spip.php?page=spip_pass`)).find(
    ({ fields }) => 'oubli' in fields,
  )!
  await visitor.submit(form, { oubli: 'alice@example.org' })
  expect(await sso.site.mails()).toBe('')

  const webmaster = await asWebmaster()
  const edit = formsOf(await webmaster.open(`${sso.site.url}/ecrire/?exec=auteur_edit&id_auteur=${id}`)).find(
    ({ fields }) => fields.formulaire_action === 'editer_auteur',
  )!
  await webmaster.submit(edit, {
    new_login: 'alice',
    new_pass: 'A password of 20 chars',
    new_pass2: 'A password of 20 chars',
    reset_password: '1',
  })
  expect(await sso.author('alice')).toMatchObject({ pass: '', htpass: '' })
  for (const password of ['', 'A password of 20 chars']) {
    expect(await sso.who(visitor, { authorization: `Basic ${btoa(`alice:${password}`)}` })).toBe('||')
    const local = sso.browserOf('nobody')
    await signInLocally(sso.site.url, local, 'alice', password)
    expect(await sso.isIn(local)).toBe(false)
  }
})

test('the site may lower what Schedar says, never raise it; an author in the bin stays out', async () => {
  const account = sso.provider.addAccount('lara', { roles: ['redacteur'] })
  await sso.signIn(sso.browserOf('lara'))
  const id = Number((await sso.author('lara'))!.id_auteur)
  const webmaster = await asWebmaster()
  const edit = async (changes: Record<string, string>) => {
    const page = await webmaster.open(`${sso.site.url}/ecrire/?exec=auteur_edit&id_auteur=${id}`)
    await webmaster.submit(formsOf(page).find(({ fields }) => fields.formulaire_action === 'editer_auteur')!, changes)
    return sso.author('lara')
  }
  expect(await edit({ statut: '0minirezo', webmestre: 'oui' })).toMatchObject({ statut: '1comite', webmestre: 'non' })
  expect(await edit({ statut: '6forum' })).toMatchObject({ statut: '6forum' })
  expect(await edit({ statut: '5poubelle' })).toMatchObject({ statut: '5poubelle' })
  account.roles = ['webmestre']
  const page = await sso.signIn(sso.browserOf('lara'))
  expect(page.status).toBe(403)
  expect(wordsOf(page)).toContain('Demandez à son webmestre de la rétablir')
  expect(await sso.author('lara')).toMatchObject({ statut: '5poubelle', webmestre: 'non' })
})

test('a sign-in begun under another name of the site goes on under its own', async () => {
  const browser = sso.browserOf('alice')
  const first = await browser.fetch(sso.start('/ecrire/'), { headers: { host: 'www.other.example' } })
  expect(first.location!.replace(/&de=[0-9a-f]{16}$/, '')).toBe(`${sso.start(`${sso.site.url}/ecrire/`)}&ici=oui`)
  expect((await browser.open(first.location!)).url).toBe(`${sso.site.url}/ecrire/`)
})
