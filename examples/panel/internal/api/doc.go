// Package api is the panel's JSON API, with its OpenAPI document.
package api
