// My services as tiles: one touch signs in. What is closed stands below, with why. The pictures are the house's own.
import type { MyService } from '../src/usecases/my-services.ts'
import { type Html, html, trusted } from '../src/web/html.ts'
import type { TextKey, Texts } from '../src/web/texts.ts'
import { pluginOf } from './admin/clients.ts'
import type { Desk } from './desk.ts'

const words = {
  mail: 'tiles.mail',
  site: 'tiles.site',
  list: 'tiles.list',
  wiki: 'tiles.wiki',
  web: 'tiles.web',
} as const satisfies Record<string, TextKey>
type Kind = keyof typeof words

const drawings: Record<Kind, string> = {
  mail: '<rect x="3" y="5" width="18" height="14" rx="2"/><path d="m3.500 7 8.500 6.500L20.500 7"/>',
  site: '<path d="M19 10V6a2 2 0 0 0-2-2H5a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h5"/><path d="M7 8.500h8M7 12h5"/><path d="m13.500 20.500.700-3.200 5.800-5.800 2.500 2.500-5.800 5.800Z"/>',
  list: '<path d="M4 4h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H9l-4 3.500V13H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1Z"/><path d="M19 9h1a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-1v3.500L15 17h-3"/>',
  wiki: '<path d="M12 6.500C10 5 7 4.500 3 4.500v13c4 0 7 .500 9 2 2-1.500 5-2 9-2v-13c-4 0-7 .500-9 2Z"/><path d="M12 6.500v13"/>',
  web: '<circle cx="12" cy="12" r="9"/><path d="M3.500 9h17M3.500 15h17M12 3c-5 5.500-5 12.500 0 18M12 3c5 5.500 5 12.500 0 18"/>',
}
const icon = (kind: Kind): Html =>
  trusted(
    `<svg viewBox="0 0 24 24" width="28" height="28" fill="none" stroke="currentColor" stroke-width="1.700" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true">${drawings[kind]}</svg>`,
  )

/** What people know a kit's service as, where that is more than its place in the policy. */
const known: Partial<Record<string, Kind>> = {
  roundcube: 'mail',
  sympa: 'list',
  mailman: 'list',
  dokuwiki: 'wiki',
  mediawiki: 'wiki',
  spip: 'site',
}
const kindOf = ({ kind, service }: MyService): Kind => known[kind] ?? service

const hostOf = ({ url }: MyService): string => URL.parse(url)?.host ?? ''

type Tile = { href: string | undefined; kind: Kind; name: string; what: Html | string; badge?: string | false }

const tile = ({ href, kind, name, what, badge }: Tile): Html => {
  const inside = html`${icon(kind)}<span><strong>${name}</strong>${badge && html` <span class="state warn">${badge}</span>`}<small>${what}</small></span>`
  return html`<li>${href === undefined ? html`<span class="tile closed">${inside}</span>` : html`<a class="tile" href="${href}">${inside}</a>`}</li>`
}

/** Where one touch leads: to where the service signs in at once, if its kit has such a place. */
async function addresses(desk: Desk, services: readonly MyService[]): Promise<(service: MyService) => string> {
  const names = [...new Set(services.map(({ kind }) => kind))]
  const plugins = new Map(await Promise.all(names.map(async (kind) => [kind, await pluginOf(desk, { kind })] as const)))
  const { issuer } = desk.core.config
  return ({ kind, url }) => plugins.get(kind)?.client?.(url).signInUri?.(issuer) ?? url
}

/** More than these fold away: the page goes on below. */
const SHOWN = 12
const CLOSED_SHOWN = 3

const list = (tiles: readonly Html[]): Html | false => tiles.length > 0 && html`<ul class="tiles">${tiles}</ul>`
const folded = (title: string, tiles: readonly Html[]): Html =>
  html`<details><summary>${title}</summary>${list(tiles)}</details>`

/** The way to one's mailboxes: the page with phones, computers and lost messages. */
const mailTile = ({ t }: Texts): Html =>
  tile({ href: '/account/mail', kind: 'mail', name: t('tiles.mailboxes'), what: t('tiles.mailboxes_text') })

export async function tiles(
  desk: Desk,
  texts: Texts,
  { services, hasMail }: { services: readonly MyService[]; hasMail: boolean },
): Promise<Html> {
  const { t } = texts
  if (services.length === 0 && !hasMail) return html`<p>${t('home.no_service')}</p>`
  const addressOf = await addresses(desk, services)
  const open = services
    .filter(({ access }) => access !== 'none')
    .map((service) =>
      tile({
        href: addressOf(service),
        kind: kindOf(service),
        name: service.name,
        what: html`${t(words[kindOf(service)])}<br>${hostOf(service)}`,
        badge: service.access === 'restricted' && t('access.restricted'),
      }),
    )
  const closed = services
    .filter(({ access }) => access === 'none')
    .map((service) =>
      tile({
        href: undefined,
        kind: kindOf(service),
        name: service.name,
        what: html`${t('access.none')} · ${t(`why.${service.reason.code}` as TextKey)}`,
      }),
    )
  const first = [...(hasMail ? [mailTile(texts)] : []), ...open]
  const [shown, more] = first.length > SHOWN + 1 ? [first.slice(0, SHOWN), first.slice(SHOWN)] : [first, []]
  return html`${list(shown)} ${more.length > 0 && folded(t('tiles.more', { count: more.length }), more)}
    ${closed.length > CLOSED_SHOWN ? folded(t('tiles.closed', { count: closed.length }), closed) : list(closed)}`
}
