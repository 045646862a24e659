package acmetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mythicServers are the names in the answers to ?verify.
var mythicServers = [...]string{"ns1.mythic-beasts.com.", "ns2.mythic-beasts.com."}

const mythicTTL = 300 // of records that have none

// serveV2 is the DNS API v2.
func (m *Mythic) serveV2(w http.ResponseWriter, r *http.Request) {
	key, ok := m.authorized(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="DNS API"`)
		mythicDenied(w, http.StatusUnauthorized)
		return
	}
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/dns/v2/"), "/")
	for i, s := range segments {
		segments[i], _ = url.PathUnescape(s)
	}
	switch {
	case len(segments) == 1 && segments[0] == "zones" && r.Method == http.MethodGet:
		m.listZones(w, key)
	case len(segments) >= 3 && len(segments) <= 5 && segments[0] == "zones" && segments[2] == "records":
		m.serveRecords(w, r, key, append(segments[1:2:2], append(segments[3:], "", "")...))
	default:
		mythicPage(w, http.StatusNotFound)
	}
}

func (m *Mythic) listZones(w http.ResponseWriter, key MythicKey) {
	m.mu.Lock()
	zones := slices.DeleteFunc(slices.Sorted(maps.Keys(m.zones)), func(z string) bool { return !key.zone(z) })
	m.mu.Unlock()
	if zones == nil {
		zones = []string{}
	}
	mythicJSON(w, http.StatusOK, map[string]any{"zones": zones})
}

// serveRecords has the zone, and the host and type of the path or "".
func (m *Mythic) serveRecords(w http.ResponseWriter, r *http.Request, key MythicKey, place []string) {
	zone, host, typ := mythicName(place[0]), strings.ToLower(place[1]), strings.ToUpper(place[2])
	m.mu.Lock()
	defer m.mu.Unlock()
	z := m.zones[zone]
	if z == nil || !key.zone(zone) || !key.records(host, typ) {
		mythicDenied(w, http.StatusForbidden)
		return
	}
	chosen, err := mythicSelection(host, typ, r.URL.RawQuery)
	if err != nil {
		mythicJSON(w, http.StatusBadRequest, map[string]any{"errors": []string{err.Error()}})
		return
	}
	switch r.Method {
	case http.MethodGet:
		m.getRecords(w, r, z, chosen)
	case http.MethodDelete:
		gone := chosen.own(z.records)
		m.change(zone, gone, nil)
		mythicJSON(w, http.StatusOK, map[string]int{"records_removed": len(gone)})
	case http.MethodPost, http.MethodPut:
		m.putRecords(w, r, zone, chosen)
	default:
		mythicPage(w, http.StatusMethodNotAllowed)
	}
}

func (m *Mythic) getRecords(w http.ResponseWriter, r *http.Request, z *mythicZone, chosen *mythicChoice) {
	found := chosen.of(z.records)
	if r.URL.Query().Has("verify") {
		visible := chosen.of(z.visible)
		if len(mythicWithout(found, visible))+len(mythicWithout(visible, found)) > 0 {
			var errs []string
			for _, server := range mythicServers {
				errs = append(errs, fmt.Sprintf("Received %d record(s), expected %d from %s", len(visible), len(found), server))
			}
			mythicJSON(w, http.StatusConflict, map[string]any{"errors": errs})
			return
		}
	}
	mythicJSON(w, http.StatusOK, map[string]any{"records": append([]MythicRecord{}, found...)})
}

// putRecords adds records, all or none, in place of the selection for PUT.
func (m *Mythic) putRecords(w http.ResponseWriter, r *http.Request, zone string, chosen *mythicChoice) {
	added, status, err := mythicRead(r, chosen)
	if err != nil {
		mythicJSON(w, status, map[string]any{"errors": []string{err.Error()}})
		return
	}
	var removed []MythicRecord
	if r.Method == http.MethodPut {
		removed = chosen.own(m.zones[zone].records)
	}
	have := mythicWithout(m.zones[zone].records, removed)
	var errs []string
	for _, a := range added {
		if slices.ContainsFunc(have, a.same) {
			errs = append(errs, fmt.Sprintf("Duplicate record '%s'", a))
		}
		have = append(have, a)
	}
	if len(errs) > 0 {
		mythicJSON(w, http.StatusBadRequest, map[string]any{"errors": errs})
		return
	}
	m.change(zone, removed, added)
	said := map[string]any{"message": fmt.Sprintf("%d records added", len(added)), "records_added": len(added)}
	if r.Method == http.MethodPut {
		said["records_removed"] = len(removed)
	}
	mythicJSON(w, http.StatusOK, said)
}

// mythicRead reads the body of POST or PUT; the status is for an error.
func mythicRead(r *http.Request, chosen *mythicChoice) ([]MythicRecord, int, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var all []map[string]any
	switch kind {
	case "application/json":
		var body struct {
			Records []map[string]any `json:"records"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			return nil, http.StatusBadRequest, mythicRefuse("Invalid JSON: %v", err)
		}
		all = body.Records
	case "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err != nil {
			return nil, http.StatusBadRequest, mythicRefuse("Invalid form: %v", err)
		}
		one := make(map[string]any)
		for name := range r.PostForm {
			one[name] = r.PostForm.Get(name)
		}
		all = append(all, one)
	default:
		return nil, http.StatusUnsupportedMediaType, mythicRefuse("Content type %q is not supported here", kind)
	}
	records := make([]MythicRecord, len(all))
	for i, fields := range all {
		var err error
		if records[i], err = chosen.record(fields); err != nil {
			return nil, http.StatusBadRequest, err
		}
	}
	return records, 0, nil
}

// record makes a record of its fields; the path may have host and type.
func (c *mythicChoice) record(fields map[string]any) (MythicRecord, error) {
	rec := MythicRecord{Host: c.host, Type: c.typ, TTL: mythicTTL}
	for name, value := range fields {
		text := fmt.Sprint(value)
		number, notNumber := strconv.Atoi(text)
		switch name {
		case "host":
			rec.Host = strings.ToLower(text)
		case "type":
			rec.Type = strings.ToUpper(text)
		case "data":
			rec.Data = text
		case "ttl":
			rec.TTL = number
		default:
			if rec.Fields == nil {
				rec.Fields = make(map[string]int)
			}
			rec.Fields[name] = number
		}
		if notNumber != nil && name != "host" && name != "type" && name != "data" {
			return rec, mythicRefuse("Invalid value for '%s'", name)
		}
	}
	switch {
	case rec.Host == "" || rec.Type == "" || rec.Data == "":
		return rec, mythicRefusal("Missing host, type or data in record")
	case rec.TTL <= 0:
		return rec, mythicRefuse("Invalid TTL in record '%s'", rec)
	case !c.place(rec):
		return rec, mythicRefuse("Record '%s' does not match URL", rec)
	}
	return rec, nil
}
