// What can go wrong before the first request: said in a sentence, with what to do.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startHouse } from '../support/house.ts'

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
