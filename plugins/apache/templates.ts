// The files of the Apache kit: a site of which everything, or one place, is for members.
import { directives, type Filling, installing, membersOnly, ownPlaces } from './block.ts'

export type Wanted = { protect: string; require: readonly string[] }

const requireLines = (names: readonly string[]): string =>
  names.length === 0
    ? `  # Everybody whom Schedar lets in. For some of them only, put lines like these in its place (one is enough):
  #   Require claim roles:editor
  #   Require claim groups:board
  Require valid-user`
    : names.map((name) => `  Require claim ${name}`).join('\n')

export const vhost = (
  f: Filling,
  { protect, require }: Wanted,
): string => `# ${f.url} signs people in with ${f.associationName} (${f.issuer}).
# Goes inside the site's <VirtualHost>:   Include ${f.dir}/${f.name}.conf
# Needs:   a2enmod auth_openidc
${directives(f)}
${membersOnly(protect, requireLines(require))}
${ownPlaces(f)}`

export const readMe = (f: Filling): string => `Sign-in to ${f.url} with ${f.associationName}

As root, on the machine that serves the site:

1. ${installing(f)}

2. Inside the site's <VirtualHost>, add:   Include ${f.dir}/${f.name}.conf

3. apache2ctl configtest && systemctl reload apache2
   Then open ${f.url}/ : you are sent to ${f.issuer} and come back signed in.
`
