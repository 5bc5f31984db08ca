// `npm start -- --demo`: a made-up association and a small service to sign in to, in a folder of their own.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Io } from '../src/cli/io.ts'
import { openInstallation } from '../src/compose.ts'
import { secretFile } from '../src/secrets.ts'
import { serve } from '../src/serve.ts'
import { relyingParty } from './relying-party.ts'
import { RELYING_PARTY, seed, seedClient } from './seed.ts'

const FOLDER = join('data', 'demo')
const PORT = 3001

const telling = (issuer: string, password: string): string => `
  Cassiopée ASBL, a made-up association: 40 members, 60 accounts.

    Home             ${issuer}
    A small service  ${RELYING_PARTY}

  Every account has the password  ${password}

    chloe.verhaegen   up to date (helper: enrols a second factor first)
    greet.janssens    up to date, last day today
    maarten.claes     in grace
    simon.maes        lapsed: the services are closed, home says why
    lea.willems       suspended by an admin

  Sign in to the small service as zoe.vandamme, then suspend her and watch the page:

    npm run schedar -- --config ${join(FOLDER, 'schedar.yaml')} account explain zoe.vandamme
    npm run schedar -- --config ${join(FOLDER, 'schedar.yaml')} account suspend zoe.vandamme --reason "Essai"
    npm run schedar -- --config ${join(FOLDER, 'schedar.yaml')} account restore zoe.vandamme
`

export async function demo(io: Io, untilStopped: (stop: () => Promise<void>) => Promise<void>): Promise<void> {
  const installation = await openInstallation({
    file: join(FOLDER, 'schedar.yaml'),
    env: io.env,
    log: { level: 'warn', to: process.stdout },
  })
  const { core } = installation
  const password = secretFile(join(installation.dataDir, 'demo-password'), () => core.random.token(9))
  if ((await core.store.organisations.all()).length === 0) {
    const progress = io.progress('seeding')
    await seed(installation, password, (done) => progress(done, 40))
  }
  const client = await seedClient(installation)
  const running = await serve(installation)
  const { issuer } = core.config
  const style = readFileSync(new URL('../interactions/assets/style.css', import.meta.url))
  const service = await relyingParty({ issuer, ...client, url: RELYING_PARTY, random: core.random, style })
  service.listen(PORT, '127.0.0.1')
  await once(service, 'listening')
  io.warn(telling(issuer, password))
  await untilStopped(async () => {
    service.close()
    service.closeAllConnections()
    await running.stop()
  })
}
