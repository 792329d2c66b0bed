package registry

// Realms is realms.
var Realms = realms
