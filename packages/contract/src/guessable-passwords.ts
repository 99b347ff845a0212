// What guessers try first, without the digits and marks that people put around it.
const words = new Set(
  `password passwort passw pass pw admin administrator root user guest login test testing demo default changeme letmein welcome hello
  qwerty qwertz azerty qwertyuiop qwertzuiop asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx qazwsxedc qweasd qweasdzxc poiuytrewq
  abc abcd abcde abcdef abcdefg abcdefgh iloveyou loveyou lovely love sunshine princess monkey dragon master shadow superman batman
  spiderman pokemon starwars football baseball basketball soccer hockey tennis michael jennifer jessica daniel thomas jordan andrew
  joshua ashley charlie michelle nicole maggie ginger buster tigger summer winter spring autumn january february march april june july
  august september october november december monday friday sunday secret secrets private access freedom whatever trustno computer
  internet server database system oracle cisco samsung google facebook twitter linkedin apple microsoft windows linux ubuntu github
  gitlab docker kubernetes postgres mysql redis company company office business manager support service flagsmith halyard unleash feature
  featureflags flags flag money diamond silver golden orange purple yellow banana cheese chocolate cookie coffee pepper flower butterfly
  angel matrix phoenix thunder killer hunter ranger mustang ferrari porsche harley yamaha mercedes corvette hannah amanda matthew robert
  william george liverpool chelsea arsenal barcelona london berlin paris america england germany canada australia`.split(/\s+/),
)

const digitsAsLetters: Readonly<Record<string, string>> = { '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', $: 's' }
const decoratedLengthMax = 16

/** Whether a password is a word that everybody tries, however it is decorated, or a key held down. */
export function isCommonPassword(password: string): boolean {
  const small = password.trim().toLowerCase()
  if (small.length > decoratedLengthMax) return false
  if (new Set(small).size <= 2) return true
  const spelled = small.replace(/[01345@$7]/g, (character) => digitsAsLetters[character] ?? character)
  return [small, spelled].some((written) => words.has(bareWord(written))) || words.has(bareWord(small.replace(/[^a-z]+$/, '')))
}

const bareWord = (text: string): string => text.replace(/^[^a-z]+|[^a-z]+$/g, '')
