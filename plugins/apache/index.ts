// Any site behind Apache signs in with Schedar through mod_auth_openidc: the kit is the site's configuration, to be
// included in its <VirtualHost>. As a service, sites that are closed show a page in place of themselves.
import { definePlugin, type KitTarget } from '../../src/plugin.ts'
import { companions, type Filling, fill, moduleClient, path, placesIn, refuse } from './block.ts'
import { closedSites } from './closed.ts'
import { closedKit } from './closed-kit.ts'
import { config } from './config.ts'
import { serve } from './serve.ts'
import { readMe, vhost, type Wanted } from './templates.ts'

/** `roles:editor,groups:board` → the claims of which one is enough; none: every member whom Schedar lets in. */
function claims(list = ''): string[] {
  const names = list.split(',').filter(Boolean)
  for (const name of names)
    if (!/^(roles|groups):[\w.@-]+$/.test(name))
      refuse('require', `require lists roles:NAME or groups:NAME, not ${name}`)
  return names
}

function read(target: KitTarget): { filling: Filling; wanted: Wanted } {
  const { places, own } = placesIn(target.options)
  const { protect = '/', require: list, ...others } = own
  const [unknown] = Object.keys(others)
  if (unknown) refuse(unknown, `the Apache kit has no setting ${unknown}`)
  const filling = fill(target, places)
  return { filling, wanted: { protect: path('protect', `${filling.base}${protect}`), require: claims(list) } }
}

export default definePlugin({
  summary:
    'Any site behind Apache: mod_auth_openidc in front, roles and groups as Require lines; closed sites show a page, and traffic is counted.',
  manages: 'site',
  config,
  open: async (settings, host) => closedSites(settings, host),
  serve,
  serviceKit: closedKit,

  selfService: true,
  client: moduleClient,

  kit: (target) => {
    const { filling, wanted } = read(target)
    return [
      { path: `${filling.name}.conf`, content: vhost(filling, wanted) },
      ...companions(filling, target),
      { path: 'README.txt', content: readMe(filling) },
    ]
  },
})
