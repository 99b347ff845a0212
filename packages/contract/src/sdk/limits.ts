/** How many traits, evaluations or events one request may bring, and features it may count. */
export const elementsMax = 1000
/** How many traits an identity holds. */
export const identityTraitsMax = 1000

export const tooMany = (max: number) => `Ensure this field has no more than ${max} elements.`
