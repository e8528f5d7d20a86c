/* Includes the module: the dummy and the queue are looked at from inside. */
#include "lib/password.c"

#include <sched.h>

#include "tests/unit/unit.h"

/* A result handed from the pool's thread to the test's. */
struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t come;
    int results;
    bool ok;
    char hash[EA_PASSWORD_HASH_SIZE];
};
#define MAILBOX                                                                                              \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER                                  \
    }

static void put(struct mailbox *m, bool ok, const char *hash)
{
    pthread_mutex_lock(&m->lock);
    m->results++;
    m->ok = ok;
    strcpy(m->hash, hash);
    pthread_cond_signal(&m->come);
    pthread_mutex_unlock(&m->lock);
}

static void on_verified(bool ok, void *arg)
{
    put(arg, ok, "");
}

static void on_hashed(const char *hash, void *arg)
{
    put(arg, hash[0] != '\0', hash);
}

static void wait_for(struct mailbox *m, int results)
{
    pthread_mutex_lock(&m->lock);
    while (m->results < results)
        pthread_cond_wait(&m->come, &m->lock);
    pthread_mutex_unlock(&m->lock);
}

static struct ea_password_pool *pool(size_t queue_max)
{
    struct ea_password_pool *p = NULL;
    assert_int_equal(ea_password_pool_new(queue_max, &p), EA_OK);
    return p;
}

static void a_hash_verifies_its_password_only(void **state)
{
    (void)state;
    struct ea_password_pool *p = pool(8);
    struct mailbox m = MAILBOX;
    assert_int_equal(ea_password_hash(p, "correct horse", on_hashed, &m), EA_OK);
    wait_for(&m, 1);
    char hash[EA_PASSWORD_HASH_SIZE];
    strcpy(hash, m.hash);
    assert_memory_equal(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
    assert_int_equal(ea_password_verify(p, hash, "correct horse", on_verified, &m), EA_OK);
    wait_for(&m, 2);
    assert_true(m.ok);
    assert_int_equal(ea_password_verify(p, hash, "correct horsf", on_verified, &m), EA_OK);
    wait_for(&m, 3);
    assert_false(m.ok);
    assert_int_equal(ea_password_verify(p, "not a hash", "correct horse", on_verified, &m), EA_OK);
    wait_for(&m, 4);
    assert_false(m.ok);
    ea_password_pool_free(p);
}

static void nobody_is_never_let_in(void **state)
{
    (void)state;
    struct ea_password_pool *p = pool(8);
    struct mailbox m = MAILBOX;
    assert_true(make_hash(p->dummy, "guessed it", 10));
    assert_int_equal(ea_password_verify(p, NULL, "guessed it", on_verified, &m), EA_OK);
    wait_for(&m, 1);
    assert_false(m.ok);
    ea_password_pool_free(p);
}

/* Blocks the pool's thread until the test has seen the queue full. */
static void hold(bool ok, void *arg)
{
    (void)ok;
    pthread_mutex_t *gate = arg;
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
}

static void wait_until_taken(struct ea_password_pool *p)
{
    for (bool taken = false; !taken; sched_yield()) {
        pthread_mutex_lock(&p->lock);
        taken = p->queued == 0;
        pthread_mutex_unlock(&p->lock);
    }
}

static void a_full_queue_refuses_and_stop_finishes_the_rest(void **state)
{
    (void)state;
    struct ea_password_pool *p = pool(2);
    struct mailbox m = MAILBOX;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&gate);
    assert_int_equal(ea_password_verify(p, NULL, "first", hold, &gate), EA_OK);
    wait_until_taken(p);
    assert_int_equal(ea_password_verify(p, NULL, "second", on_verified, &m), EA_OK);
    assert_int_equal(ea_password_verify(p, NULL, "third", on_verified, &m), EA_OK);
    assert_int_equal(ea_password_verify(p, NULL, "fourth", on_verified, &m), EA_EOVERLOAD);
    pthread_mutex_unlock(&gate);
    ea_password_pool_stop(p);
    assert_int_equal(m.results, 2);
    assert_int_equal(ea_password_hash(p, "too late", on_hashed, &m), EA_EOVERLOAD);
    ea_password_pool_free(p);
}

static void an_overlong_password_is_refused(void **state)
{
    (void)state;
    struct ea_password_pool *p = pool(2);
    char text[EA_PASSWORD_MAX + 2];
    memset(text, 'x', sizeof text);
    text[EA_PASSWORD_MAX + 1] = '\0';
    assert_int_equal(ea_password_hash(p, text, on_hashed, NULL), EA_EINPUT);
    ea_password_pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_verifies_its_password_only),
        cmocka_unit_test(nobody_is_never_let_in),
        cmocka_unit_test(a_full_queue_refuses_and_stop_finishes_the_rest),
        cmocka_unit_test(an_overlong_password_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
