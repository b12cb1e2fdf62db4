/** No view came: the master is too busy or stopping. It becomes 503 with the reason. */
export class ViewUnavailable extends Error {}
