// Package resp reads what Redis servers and Sentinels answer, for code that asks a few
// things on a connection of its own. Whoever answers may be a stranger: a reply takes no
// more than its limits, and no more than has arrived.
//
//	conn.Write(resp.AppendCommand(nil, "ROLE"))
//	v, err := resp.Read(rd, resp.Limits{Bytes: 64 << 10, Items: 100})
//
// Package monitor/link reads faster and less, and package discovery stands alone.
package resp
