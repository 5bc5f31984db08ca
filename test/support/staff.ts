// One of the staff in a browser, past both factors.
import type { StaffRole } from '../../src/ports.ts'
import { browserOf, enrolled } from './at-home.ts'
import type { Browser } from './browser-jar.ts'
import type { House, Person } from './house.ts'

export type StaffMember = { person: Person; browser: Browser; secret: string }

/** Makes an account with staff roles and signs it in; the house's clock moves on by some minutes. */
export async function staffMember(house: House, username: string, ...staff: StaffRole[]): Promise<StaffMember> {
  const person = await house.person({ username, coveredForDays: 200, staff })
  const { secret } = await enrolled(house, person)
  return { person, browser: await browserOf(house, person, secret), secret }
}
