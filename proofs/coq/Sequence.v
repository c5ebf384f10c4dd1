(** The time loop and its adjoint, for functions of any kind: nothing is asked of steps, pull-backs and sums.

    So what is proved here is proved of floating-point numbers, bit by bit. *)
From mathcomp Require Import all_ssreflect.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Section Forward.

(** A step takes a state and an input to the next state and an output. *)
Variables (state input output : Type) (step : state -> input -> state * output).

(** The final state and the outputs. *)
Fixpoint run s xs : state * seq output :=
  if xs is x :: rest then
    let: (s1, y) := step s x in let: (final, ys) := run s1 rest in (final, y :: ys)
  else (s, [::]).

(** A sequence may be cut anywhere: the second piece starts from the final state of the first.
    Code: refseq/scan.py forward_row; refseq/checks/properties/sequence.py splitting, step_by_step
    Scope: functions of any kind, bit by bit; every length of both pieces, 0 among them *)
Theorem forward_in_pieces s xs1 xs2 :
  run s (xs1 ++ xs2) = let: (middle, ys1) := run s xs1 in let: (final, ys2) := run middle xs2 in (final, ys1 ++ ys2).
Proof.
elim: xs1 s => [|x xs1 IH] s /=; first by case: (run s xs2).
by case: (step s x) => s1 y; rewrite IH; case: (run s1 xs1) => s2 ys; case: (run s2 xs2).
Qed.

(** What comes later changes nothing that came before: the first outputs are those of the first inputs alone.
    Code: refseq/checks/properties/sequence.py prefix, causality
    Scope: functions of any kind, bit by bit; every length *)
Theorem causality s xs1 xs2 : take (size xs1) (run s (xs1 ++ xs2)).2 = (run s xs1).2.
Proof.
rewrite forward_in_pieces; case first: (run s xs1) => [middle ys]; case: (run middle xs2) => final more /=.
have <- : size ys = size xs1; last by rewrite take_size_cat.
elim: xs1 s middle ys {more} first => [|x xs1 IH] s middle ys /=; first by case=> _ <-.
by case: (step s x) => s1 y; case rest: (run s1 xs1) => [s2 zs] [_ <-] /=; rewrite (IH _ _ _ rest).
Qed.

End Forward.

Section Backward.

(** A step pulls the cotangent of the state after it back to that of the state before it, and adds to the gradients of
    the parameters. Its input stands for all that it is given: x, masks, the cotangent of its output. *)
Variables (state input cotangent gradients : Type).
Variables (next : state -> input -> state) (pull : state -> input -> cotangent -> cotangent).
Variable add : gradients -> state -> input -> cotangent -> gradients.

(** The states before every step are stored. *)
Fixpoint stored s xs : seq (state * input) := if xs is x :: rest then (s, x) :: stored (next s x) rest else [::].

Definition final s xs : state := foldl next s xs.

(** From the last step to the first: the cotangent of the first state, and the gradients. *)
Fixpoint backward (tape : seq (state * input)) (after : cotangent * gradients) : cotangent * gradients :=
  if tape is (s, x) :: rest then
    let: (ds, total) := backward rest after in (pull s x ds, add total s x ds)
  else after.

Lemma stored_cat s xs1 xs2 : stored s (xs1 ++ xs2) = stored s xs1 ++ stored (final s xs1) xs2.
Proof. by elim: xs1 s => [|x xs1 IH] s //=; rewrite IH. Qed.

Lemma backward_cat tape1 tape2 after : backward (tape1 ++ tape2) after = backward tape1 (backward tape2 after).
Proof. by elim: tape1 => [|[s x] rest IH] //=; rewrite IH. Qed.

(** BPTT may be cut anywhere: what the second piece answers for its initial state is the cotangent of the final state of
    the first, and the first goes on with the gradients of the second.
    Code: refseq/scan.py backward_row, gradient_row; refseq/checks/properties/sequence.py splitting
    Scope: functions of any kind, bit by bit; every length of both pieces, 0 among them *)
Theorem backward_in_pieces s xs1 xs2 after :
  backward (stored s (xs1 ++ xs2)) after = backward (stored s xs1) (backward (stored (final s xs1) xs2) after).
Proof. by rewrite stored_cat backward_cat. Qed.

(** Checkpoints: only the states before every piece are kept. *)
Fixpoint checkpoints s (pieces : seq (seq input)) : seq (state * seq input) :=
  if pieces is xs :: rest then (s, xs) :: checkpoints (final s xs) rest else [::].

(** The pieces from the last to the first; the states of each are computed again. *)
Fixpoint backward_again (kept : seq (state * seq input)) after : cotangent * gradients :=
  if kept is (s, xs) :: rest then backward (stored s xs) (backward_again rest after) else after.

(** BPTT with checkpoints gives the bits of BPTT with all states stored.
    Code: refseq/targets/base.py ScanTarget.backward
    Scope: functions of any kind, bit by bit; pieces of every number and length *)
Theorem checkpointed_is_stored s pieces after :
  backward_again (checkpoints s pieces) after = backward (stored s (flatten pieces)) after.
Proof. by elim: pieces s => [|xs pieces IH] s //=; rewrite backward_in_pieces IH. Qed.

End Backward.
