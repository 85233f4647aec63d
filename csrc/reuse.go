package csrc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"modwsgi/internal/fsx"
)

// lockKey holds the cache's lock of what is about to be made, so that two builds
// make it once; without a cache it holds nothing.
func (b *builder) lockKey(ctx context.Context, key, what string) (release func(), err error) {
	if b.cache == nil {
		return func() {}, nil
	}
	release, err = b.cache.Lock(ctx, key, func(pid int) {
		if pid == os.Getpid() {
			return // another goroutine of this program, which has its own folder
		}
		b.pool.aside(fmt.Sprintf("waiting for process %d, which makes %s", pid, what))
	})
	if err != nil && ctx.Err() == nil && !errors.Is(err, os.ErrPermission) {
		return func() {}, nil // a cache that cannot be locked is still a cache
	}
	return release, err
}

// fromCache puts an entry where it would be made.
func (b *builder) fromCache(kind, key, to string) bool {
	if b.cache == nil {
		return false
	}
	data, ok := b.cache.Get(kind, key)
	return ok && fsx.WriteTree(b.dir, []fsx.File{{Path: to, Data: data, Passing: true}}) == nil
}

func (b *builder) toCache(kind, key, from string) {
	if b.cache == nil {
		return
	}
	if data, err := os.ReadFile(from); err == nil {
		b.cache.Put(kind, key, data)
	}
}

// cachedObject looks for an object that the same command made from the same
// files.
func (b *builder) cachedObject(key string, c Compile) (variant, bool) {
	if b.cache == nil || len(b.facts.Compiler.PrefixMap) == 0 { // without a map it has the folder's name in it
		return variant{}, false
	}
	for _, v := range b.cache.variants(key) {
		if b.state.inputsAre(b.tree, v.Read, v.Inputs) && b.fromCache(cacheObjects, variantKey(key, v), c.Object) {
			return v, true
		}
	}
	return variant{}, false
}

func (b *builder) keepObject(key string, c Compile, v variant) {
	if b.cache == nil || len(b.facts.Compiler.PrefixMap) == 0 {
		return
	}
	b.toCache(cacheObjects, variantKey(key, v), filepath.Join(b.dir, filepath.FromSlash(c.Object)))
	b.cache.addVariant(key, v)
}
