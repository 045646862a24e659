package api

import (
	"net/http"
)

// routes is the API.
func routes() []route {
	all := []route{
		handle(route{method: "GET", path: "/openapi.json", id: "openapi", summary: "This document.", open: true, raw: true}, getDocument),
		handle(route{method: "GET", path: "/me", id: "me", summary: "Whose token this is, and what it may do."}, getMe),
		handle(route{method: "GET", path: "/audit", id: "audit", summary: "What was done by you and to what is yours, the latest first."}, getAudit),
		handle(route{method: "GET", path: "/events", id: "events", summary: "A stream of what changes.", stream: true}, getEvents),
		handle(route{method: "GET", path: "/tokens", id: "tokens", summary: "Your tokens, without their secrets."}, getTokens),
		handle(route{
			method: "POST", path: "/tokens", id: "newToken", write: true, status: http.StatusCreated,
			summary: "Make a token, which lasts no longer than the one that makes it. It is shown once.",
		}, newToken),
		handle(route{method: "DELETE", path: "/tokens/{id}", id: "revokeToken", summary: "Revoke a token. A token that may only read may revoke itself."}, revokeToken),
	}
	all = append(all, piRoutes()...)
	all = append(all, domainRoutes()...)
	return append(all, siteRoutes()...)
}

func piRoutes() []route {
	return []route{
		handle(route{method: "GET", path: "/shelves", id: "shelves", summary: "The shelves with your Pis."}, getShelves),
		handle(route{method: "GET", path: "/pis", id: "pis", summary: "Your Pis."}, getPis),
		handle(route{method: "GET", path: "/pis/{pi}", id: "pi", summary: "One Pi."}, getPi),
		handle(route{method: "GET", path: "/pis/{pi}/boots", id: "boots", summary: "Its boots, the latest first."}, getBoots),
		handle(route{
			method: "POST", path: "/pis/{pi}/power", id: "power", write: true,
			summary: "Switch its power. The answer comes when the switch has confirmed it.",
		}, postPower),
		handle(route{method: "POST", path: "/pis/{pi}/rebuild", id: "rebuild", write: true, summary: "Give it a fresh root. What was on it is lost."}, postRebuild),
		handle(route{method: "GET", path: "/pis/{pi}/log", id: "searchLog", summary: "Lines of its console's log, the latest first."}, getLog),
		handle(route{
			method: "GET", path: "/pis/{pi}/console", id: "console", maybe: true,
			summary: "Its console's screen, when there is another than the one numbered after; 204 if that takes too long.",
		}, getConsole),
		handle(route{
			method: "POST", path: "/pis/{pi}/console/keys", id: "keys", write: true,
			summary: "Type on its console. One at a time may; the right lasts a minute after the last key.",
		}, postKeys),
	}
}

func domainRoutes() []route {
	return []route{
		handle(route{method: "GET", path: "/domains", id: "domains", summary: "Your domains."}, getDomains),
		handle(route{method: "GET", path: "/domains/{domain}", id: "domain", summary: "One domain."}, getDomain),
		handle(route{method: "PUT", path: "/domains/{domain}/dnssec", id: "dnssec", write: true, summary: "Sign the domain, or go back to an unsigned one. The DS follows by itself."}, putDNSSEC),
		handle(route{method: "POST", path: "/domains/{domain}/roll", id: "roll", write: true, summary: "Begin to replace its keys."}, postRoll),
		handle(route{method: "POST", path: "/domains/{domain}/certify", id: "certify", write: true, summary: "Obtain its certificate, or renew it."}, postCertify),
	}
}

func siteRoutes() []route {
	return []route{
		handle(route{method: "GET", path: "/sites", id: "sites", summary: "Your sites behind the proxy."}, getSites),
		handle(route{method: "GET", path: "/sites/{site}", id: "site", summary: "One site."}, getSite),
		handle(route{method: "PUT", path: "/sites/{site}/proxy", id: "proxy", write: true, summary: "Say by which PROXY protocol header its servers learn of their clients."}, putProxy),
		handle(route{method: "POST", path: "/sites/{site}/probe", id: "probe", write: true, summary: "Find out what its servers expect."}, postProbe),
	}
}
