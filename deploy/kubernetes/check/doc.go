// Package check judges the manifests as the API server of Kubernetes does: it decodes
// them strictly, fills in defaults, validates them, and asks whether the pods fit the
// security standard "restricted". It also renders what is kept in rendered form.
//
// It is a module of its own, since it needs the server's code, which the product
// does not: `make manifests`.
package check
