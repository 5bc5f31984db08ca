// What can go wrong before the first request: said in a sentence, with what to do.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startHouse } from '../support/house.ts'
import { freePort } from '../support/ports.ts'
import { createProgram } from '../support/program.ts'

test('a port that is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  await expect(startHouse({ port })).rejects.toMatchObject({
    code: 'conflict',
    detail: `cannot listen on 127.0.0.1:${port}: something else listens there; stop it, or set listen.port in schedar.yaml`,
  })
  other.close()
})

test('a stop ends in good order, also while services have doors open', async () => {
  const key = randomBytes(24).toString('hex')
  const program = await createProgram({
    config: {
      services: {
        mail: {
          plugin: 'dovecot',
          folder: '/nonexistent',
          doveadmUrl: 'http://127.0.0.1:9',
          doveadmApiKey: 'env:KEY',
          policyUrl: `http://127.0.0.1:${await freePort()}`,
          policyKey: 'env:KEY',
        },
      },
    },
    env: { KEY: key },
  })
  try {
    await program.serve()
    await program.stop('SIGTERM')
    expect(program.written()).toContain('"event":"stopped"')
    expect(program.written()).not.toContain('unsettled')
  } finally {
    await program.remove()
  }
})
